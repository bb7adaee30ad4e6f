"""Lists of videos, trims, logs of copies, labels and caches of scans."""

import csv
import io
import json
import os
import shutil

from layerlock.data import copy_log, files, preparing, scan
from layerlock.data.sources.folder import FolderSource
from layerlock.evaluation.tasks.folder import FolderTask
from layerlock.evaluation.tasks.kinetics import Kinetics
from layerlock.evaluation.tasks.scannet import ScanNet
from layerlock.evaluation.tasks.ssv2 import SomethingSomething
from layerlock.jobs import prepare
from layerlock.runs.directory import RunDirectory
from tests.data import synthesise
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target


class ListTarget(Target):
    def __init__(self, folder):
        super().__init__(folder)
        self.videos = folder / "videos"
        for number in range(8):
            name = f"{'ab'[number % 2]}/{number:011d}_000000_000010.mp4"
            path = self.videos / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not number:
                video = synthesise.write(path, count=4).read_bytes()
            path.write_bytes(video)
        self.names = sorted(
            os.path.relpath(path, self.videos)
            for path in self.videos.rglob("*.mp4")
        )
        self.cache = folder / "cache"


def rows(names, random, *more) -> list:
    """Rows of a list, some of them hostile."""
    kept = [[name, *more] for name in names]
    for _ in range(random.randint(1, 3)):
        row = random.choice(kept)
        kind = random.randrange(5)
        if kind == 0 and len(row) > 1:
            row.pop()
        elif kind == 1:
            row.append(hostile.text(random))
        elif kind == 2:
            number = hostile.written(hostile.number(random))
            row[random.randrange(len(row))] = number
        else:
            row[random.randrange(len(row))] = hostile.text(random)
    return kept


def text(table, random, separator=",") -> bytes:
    if separator == ",":
        stream = io.StringIO()
        csv.writer(stream).writerows(table)
        content = stream.getvalue()
    else:
        content = "\n".join(separator.join(row) for row in table)
    encoding = random.choice(("utf-8", "utf-8", "utf-8", "utf-16"))
    content = content.encode(encoding, "surrogatepass")
    if random.random() < 0.2:
        content = hostile.damaged(content, random)
    return content


class VideoList(ListTarget):
    """A `.txt` list of videos."""

    name = "list .txt"

    def draw(self, random):
        path = self.videos / "list.txt"
        path.write_bytes(text(rows(self.names, random), random, " "))
        return lambda: files.list_files(path, cache=self.cache)


class Trims(ListTarget):
    """A CSV file of trims."""

    name = "trims .csv"

    def draw(self, random):
        path = self.folder / "trims.csv"
        path.write_bytes(text(rows(self.names, random, "0", "0.2"), random))

        def attack():
            trims = prepare.read_trims(str(path))
            jobs = preparing.plan(self.videos, trims, self.folder / "copies")
            for job in jobs:
                place = os.path.abspath(self.folder / "copies" / job.name)
                if not place.startswith(str(self.folder / "copies") + os.sep):
                    raise AssertionError(f"a copy outside: {job.name!r}")

        return attack


class CopyLog(ListTarget):
    """`prepared.jsonl`, the log of copies."""

    name = "log of copies"

    def draw(self, random):
        folder = self.folder / "copies"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        key = [str(self.videos / self.names[0]), 1, 2]
        entry = {"name": "a.mp4", "key": key, "settings": {}}
        lines = [
            hostile.encoded(hostile.changed(entry, random), random)
            for _ in range(2)
        ]
        (folder / copy_log.NAME).write_bytes(b"\n".join(lines))

        def attack():
            preparing.sources(folder)
            log = copy_log.read(folder, {})
            preparing._keep_names(
                preparing.plan(self.videos, None, folder), log
            )

        return attack


class FilesOfARun(ListTarget):
    """`files.json`, which a resume reads its clips from."""

    name = "files.json of a resume"

    def __init__(self, folder):
        super().__init__(folder)
        source = FolderSource(self.videos, frames=2, size=16, cache=False)
        self.listing = source.describe_files()

    def draw(self, random):
        path = self.folder / "run" / "files.json"
        path.parent.mkdir(exist_ok=True)
        run = RunDirectory(path.parent, {})
        listing = hostile.changed(self.listing, random)
        path.write_bytes(hostile.encoded(listing, random))

        def attack():
            listing = run.read_files()
            source = FolderSource(
                self.videos, frames=2, size=16, files=listing, cache=False
            )
            source.describe_files()
            source.name(0)
            source[0]

        return attack


class ScanCache(ListTarget):
    """The cache of readable videos."""

    name = "scan cache"

    def draw(self, random):
        shutil.rmtree(self.cache, ignore_errors=True)
        parent = str(self.videos / "a")
        names = sorted(os.listdir(parent))
        facts = {
            "duration": 1.0,
            "fps": 10.0,
            "width": 64,
            "height": 48,
            "rotation": 0,
        }
        table = {
            name: [scan.file_key(os.path.join(parent, name)), facts]
            for name in names
        }
        content = {"version": scan._VERSION, "folder": parent, "files": table}
        path = scan._Cache(self.cache)._file(parent)
        path.parent.mkdir(parents=True)
        tree = hostile.changed(content, random)
        path.write_bytes(hostile.encoded(tree, random))

        def attack():
            source = FolderSource(parent, frames=2, size=16, cache=self.cache)
            source.describe_files()
            source[0]

        return attack


class Labels(ListTarget):
    """Labels of Kinetics, Something-Something, ScanNet and class folders."""

    name = "labels of tasks"

    def draw(self, random):
        kind = random.choice(("kinetics", "ssv2", "scannet", "folder"))
        folder = self.folder / "task"
        shutil.rmtree(folder, ignore_errors=True)
        return getattr(self, f"_{kind}")(folder, random)

    def _kinetics(self, folder, random):
        shutil.copytree(self.videos, folder)
        head = ["label", "youtube_id", "time_start", "time_end"]
        for split in ("train", "val", "test"):
            table = [[name[0], name[2:13], "0", "10"] for name in self.names]
            if random.random() < 0.6:
                table = [
                    row[0:1] + row[1:]
                    for row in rows(
                        [r[0] for r in table], random, *table[0][1:]
                    )
                ]
            (folder / f"{split}.csv").write_bytes(text([head, *table], random))
        return lambda: Kinetics(folder, frames=2, size=16, cache=self.cache)

    def _ssv2(self, folder, random):
        shutil.copytree(self.videos, folder)
        ids = [os.path.splitext(os.path.basename(n))[0] for n in self.names]
        entries = [
            {"id": name, "template": f"Doing [{'ab'[i % 2]}]"}
            for i, name in enumerate(ids)
        ]
        content = {
            "labels": {"Doing a": "0", "Doing b": "1"},
            "train": entries[:6],
            "validation": entries[6:],
        }
        changed = random.choice(list(content))
        content[changed] = hostile.changed(content[changed], random)
        for name, tree in content.items():
            data = json.dumps(tree).encode()
            if name == changed:
                data = hostile.encoded(tree, random)
            (folder / f"{name}.json").write_bytes(data)
        return lambda: SomethingSomething(
            folder, frames=2, size=16, cache=self.cache
        )

    def _scannet(self, folder, random):
        scans = [f"scene{n:04d}_00" for n in range(6)]
        for scan_name in scans:
            for place, ending in (("color", "jpg"), ("depth", "png")):
                (folder / scan_name / place).mkdir(parents=True)
                for number in range(5):
                    file = folder / scan_name / place / f"{number}.{ending}"
                    file.write_bytes(b"")
        odd = hostile.text(random).replace("/", "").replace("\x00", "")[:50]
        try:
            (folder / f"scene_{odd}").mkdir(exist_ok=True)
            (folder / scans[0] / "color" / f"²{odd}.jpg").touch()
            (folder / scans[0] / "color" / "².jpg").touch()
        except (OSError, UnicodeError):
            pass
        for name, part in (("train", scans[:4]), ("val", scans[4:])):
            content = text(rows(part, random), random, " ")
            (folder / f"scannetv2_{name}.txt").write_bytes(content)
        return lambda: ScanNet(folder, frames=2, size=16, stride=1)

    def _folder(self, folder, random):
        shutil.copytree(self.videos, folder)
        for _ in range(3):
            name = hostile.text(random).replace("\x00", "")[:60]
            try:
                place = folder / name.replace("/", "_") / "a.mp4"
                place.parent.mkdir(exist_ok=True)
                kind = random.randrange(3)
                if kind == 0:
                    shutil.copy(self.videos / self.names[0], place)
                elif kind == 1:
                    place.symlink_to("a.mp4")
                else:
                    place.symlink_to(folder, target_is_directory=True)
            except (OSError, UnicodeError):
                pass

        def attack():
            task = FolderTask(folder, frames=2, size=16, cache=self.cache)
            task.examples("train").name(0)

        return attack
