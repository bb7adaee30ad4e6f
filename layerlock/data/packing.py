"""Packs copies of videos into shards, and leaves no small files behind."""

import concurrent.futures
import dataclasses
import os
import pathlib
import tempfile
import threading

from layerlock import disk
from layerlock.data import (
    copy_checks,
    copy_failures,
    copy_log,
    decoding,
    encoding,
    preparing,
    shards,
    streams,
)
from layerlock.data.names import readable


class _Stopped(Exception):
    """Another shard failed, or the user interrupts."""


def pack(
    spec,
    folder,
    num_shards: int,
    part: tuple[int, int] = (1, 1),
    trims=None,
    progress=None,
    num_threads=None,
    **settings,
) -> dict:
    """Copies videos, or trims of videos, into the shards of a folder.

    It resumes after an interrupt: a shard is written under another name and
    then renamed, and a finished shard is not written again. Several processes
    may write into one folder. Videos of a folder that `preparing.prepare`
    wrote with the same settings are taken as they are, and so are pictures.

    Args:
        spec: the videos, see `preparing.plan`.
        folder: path of the shards.
        num_shards: int, at most one for each video.
        part: `(i, n)`: writes shards `i`, `i + n` and so on, counted from 1.
            Defaults to `(1, 1)`: all.
        trims: see `preparing.plan`.
        progress: function of the number of finished videos and the number of
            all videos of this part.
        num_threads: int, shards at a time. Defaults to one per core.
        **settings: of `encoding.transcode`.

    Returns:
        A dict: `written` and `kept`, numbers of videos, and `failed`, from
        paths to reasons.

    Raises:
        ValueError: if the folder has other files, or shards of other videos
            or with other settings.
    """
    folder = pathlib.Path(folder).expanduser().absolute()
    copy_checks.check_place(spec, folder)
    jobs = preparing.plan(spec, trims, folder)
    copy_checks.check_jobs(jobs)
    if not 1 <= num_shards <= len(jobs):
        raise ValueError(
            f"`shards` must be from 1 to the number of videos, {len(jobs)}. "
            f"Received: shards={num_shards}."
        )
    names = shards.names(num_shards)
    _check_folder(folder, names)
    writer = _Packer(dict(sorted(settings.items())), spec, progress)
    todo = [
        (folder / names[number], jobs[number::num_shards])
        for number in range(part[0] - 1, num_shards, part[1])
    ]
    for path, members in todo:
        writer.finished(path, members)  # refuses other shards
    folder.mkdir(parents=True, exist_ok=True)
    writer.total = sum(len(members) for _, members in todo)
    summary = {"written": 0, "kept": 0, "failed": {}}
    pool = concurrent.futures.ThreadPoolExecutor(num_threads or os.cpu_count())
    try:
        futures = [pool.submit(writer.write, *shard) for shard in todo]
        for future in concurrent.futures.as_completed(futures):
            kind, index = future.result()
            summary[kind] += len(index["videos"])
            summary["failed"] |= {
                one["key"][0]: one["reason"] for one in index["failed"]
            }
    finally:
        writer.stop.set()
        pool.shutdown(cancel_futures=True)
    return summary


class _Packer:
    """Writes shards; several threads may use one.

    Args:
        settings: of `encoding.transcode`.
        spec: the videos.
        progress: see `pack`.
    """

    def __init__(self, settings, spec, progress):
        self.settings = settings
        self.progress = progress
        folder = os.path.abspath(os.path.expanduser(spec))
        self.ready = {
            os.path.join(folder, entry["name"])
            for entry in copy_log.entries(folder)
            if entry["settings"] == settings
        }
        self.stop = threading.Event()
        self.total = self.done = 0
        self._lock = threading.Lock()

    def finished(self, path, jobs) -> dict | None:
        """Returns the index of a finished shard, `None` if there is none.

        Raises:
            ValueError: if the shard is one of other videos or settings.
        """
        try:
            index = shards.read_index(path)
        except streams.DecodingError:
            return None  # missing or damaged
        if "failed" not in index:
            return None  # a damaged index
        if index["settings"] != self.settings:
            raise ValueError(
                f"{path} was written with {index['settings']}. Received: "
                f"{self.settings}. Take another folder, or the same settings."
            )
        known = {
            one["name"]: one["key"]
            for one in (*index["videos"], *index["failed"])
        }
        expected = {job.name: job.key() for job in jobs}
        if known != expected:
            both = known.keys() | expected.keys()
            name = min(n for n in both if known.get(n) != expected.get(n))
            raise ValueError(
                f"{path} was written from other videos, or earlier versions of "
                f"them; the first is {readable(name)}. Take another folder, "
                "or delete the shard to write it again."
            )
        return index

    def write(self, path, jobs) -> tuple[str, dict]:
        """Writes a shard unless it is finished.

        Returns:
            `"written"` or `"kept"`, and the index.
        """
        # Another process may write the same shard: the second one waits.
        lock = path.with_name(f".{path.name}.lock")
        with disk.locked(lock):
            index = self.finished(path, jobs)
            kind = "written" if index is None else "kept"
            if index is None:
                index = self._write(path, jobs)
            else:
                self._show(len(jobs))
            lock.unlink(missing_ok=True)
        return kind, index

    def _write(self, path, jobs) -> dict:
        from array_record.python import array_record_module

        draft = path.with_name(f".writing_{path.name}")
        index = {"videos": [], "failed": [], "settings": self.settings}
        writer = array_record_module.ArrayRecordWriter(
            os.fsencode(draft), "group_size:1,uncompressed"
        )
        try:
            for job in jobs:
                if self.stop.is_set():
                    raise _Stopped
                header = {"name": job.name, "key": job.key()}
                try:
                    content = self._copy(job)
                    facts = decoding.probe(content)
                except Exception as error:
                    # A broken file may raise any exception in a decoder.
                    reason = copy_failures.reason_of(error, job.source)
                    index["failed"].append(header | {"reason": reason})
                else:
                    header |= {
                        "label": job.label,
                        "span": job.span and list(job.span),
                        "facts": dataclasses.asdict(facts),
                    }
                    writer.write(shards.pack(header, content))
                    index["videos"].append(header)
                self._show(1)
            writer.write(shards.pack(index))
            writer.close()
            if self.finished(draft, jobs) is None:
                raise OSError(
                    f"{path} cannot be read back. Check the disk, and prepare "
                    "again: finished shards are kept."
                )
            os.replace(draft, path)
        finally:
            if writer.is_open():
                writer.close()
            draft.unlink(missing_ok=True)
        return index

    def _copy(self, job) -> bytes:
        is_ready = os.path.abspath(job.source) in self.ready
        if job.is_still or job.span is None and is_ready:
            return _read(job.source)
        copy_checks.check_source(job)
        with tempfile.TemporaryDirectory(prefix="layerlock-") as place:
            target = pathlib.Path(place, "copy.mp4")
            encoding.transcode(
                job.source, target, span=job.span, **self.settings
            )
            return target.read_bytes()

    def _show(self, count):
        with self._lock:
            self.done += count
            if self.progress is not None:
                self.progress(self.done, self.total)


def _read(path) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise streams.DecodingError(streams.reason(error)) from error


def _check_folder(folder, names):
    """Raises if a folder has files other than some shards."""
    if not folder.is_dir():
        return
    present = {path.name for path in folder.iterdir()}
    others = {
        name
        for name in present - set(names)
        if not name.startswith(".")  # ours, and those of file managers
    }
    if others:
        raise ValueError(
            f"The folder of the shards has other files, such as "
            f"{readable(min(others))}. Received: {folder}, for {len(names)} "
            "shards. Take a new folder, or the number of shards that it was "
            "begun with."
        )
