"""The files of a run directory."""

import json
import shutil

from layerlock import report, runs
from layerlock.config import PretrainConfig
from layerlock.jobs.pretraining import run_folder
from layerlock.report.history import History
from layerlock.runs import model_card, scalars, trackers
from layerlock.studies.series import training
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target
from tests.report.pages import Page
from tests.runs import synthetic

TAGS = {  # of the templates, and of matplotlib's pictures
    *"html head meta title style body main header footer div h1 h2 h3".split(),
    *"dl dt dd p code figure figcaption span img table thead tbody".split(),
    *"tr th td ul li pre details summary".split(),
    *"svg g path defs use text clippath rect tspan image".split(),
}
PROBE = {
    "command": "layerlock probe",
    "task": "scenes_motion",
    "readout": "attentive",
    "metrics": {"top1": {"value": 0.5, "low": 0.4, "high": 0.6}},
}


class RunTarget(Target):
    def __init__(self, folder):
        super().__init__(folder)
        self.lines = synthetic.metrics_lines(steps=120)
        self.config = {
            **synthetic.CONFIG,
            "flags": PretrainConfig.of(steps=600).resolve().recorded,
        }
        self.files = {
            "num_files": 2,
            "root": "/videos",
            "files": [{"position": 0, "path": "/videos/a.mp4"}],
            "unreadable": [
                {"position": 1, "path": "/videos/b.mp4", "reason": "empty"}
            ],
            "replaced_clips": 1,
            "short_clips": 0,
            "failed_reads": 0,
        }

    def fresh(self) -> runs.RunDirectory:
        path = self.folder / "run"
        shutil.rmtree(path, ignore_errors=True)
        return synthetic.synthetic_run(
            path, self.lines, self.config, self.files
        )


class Configuration(RunTarget):
    """`config.json`: opened, resumed, compared, described."""

    name = "config.json"

    def draw(self, random):
        run = self.fresh()
        config = hostile.changed(self.config, random)
        run.config_path.write_bytes(hostile.encoded(config, random))

        def attack():
            path = run.path
            opened = runs.RunDirectory.open(path)
            model_card.describe_run(opened)
            training.is_complete(path)
            config = PretrainConfig.of(run_dir=str(path), resume=True)
            run_folder.recall(config).resolve()

        return attack


class Metrics(RunTarget):
    """`metrics.jsonl`: read, resumed, sent to trackers, described."""

    name = "metrics.jsonl"

    def draw(self, random):
        run = self.fresh()
        run.metrics_path.write_bytes(metrics(self.lines, random))

        def attack():
            opened = runs.RunDirectory.resume(run.path)
            lines = opened.read_metrics()
            for line in lines:
                scalars.of_line(line)
            history = History(lines)
            history.stages(), history.events(), history.verdicts()
            history.flops_ratio(), history.first_broken_step()
            history.matrix("cka")
            model_card.describe_run(opened)
            training.is_complete(run.path)
            opened.drop_metrics_after(60)

        return attack


def metrics(lines, random) -> bytes:
    lines = list(lines)
    for _ in range(random.randint(1, 3)):
        index = random.randrange(len(lines))
        lines[index] = hostile.changed(lines[index], random)
    if random.random() < 0.1:
        random.shuffle(lines)
    if random.random() < 0.1:
        last = lines[-1] if isinstance(lines[-1], dict) else {}
        lines[-1] = {**last, "not_finite": hostile.value(random)}
    encoded = [json.dumps(line).encode() for line in lines]
    if random.random() < 0.2:
        index = random.randrange(len(encoded))
        encoded[index] = hostile.encoded(lines[index], random)
    content = b"\n".join(encoded) + b"\n" * random.randrange(2)
    if random.random() < 0.1:
        content = hostile.damaged(content, random)
    return content


class Pages(RunTarget):
    """The report of a run whose files are all hostile: nothing is injected."""

    name = "report"
    share = 0.5

    def draw(self, random):
        run = self.fresh()
        config = hostile.with_texts(self.config, random)
        config["flags"][hostile.text(random)] = hostile.value(random)
        config["versions"] = {hostile.text(random): hostile.value(random)}
        if random.random() < 0.2:
            config = hostile.changed(config, random)
        run.config_path.write_text(json.dumps(config))
        files = hostile.with_texts(self.files, random, 0.8)
        run.files_path.write_text(json.dumps(files))
        if random.random() < 0.5:
            failure = hostile.with_texts(synthetic.FAILURE, random, 0.8)
            run.failure_path.write_text(json.dumps(failure))
        verdict = {
            key: hostile.text(random) for key in ("verdict", "verdict_reason")
        }
        run.metrics_path.write_text(json.dumps({"step": 10, **verdict}) + "\n")
        if random.random() < 0.1:  # drawing takes seconds
            run.metrics_path.write_bytes(metrics(self.lines, random))

        def attack():
            html = report.page(runs.RunDirectory.open(run.path))
            html.encode()
            check_page(html)

        return attack


def check_page(html: str):
    """Raises if the page has an element or an address of a stranger."""
    page = Page(html)
    strange = page.tags - TAGS
    if strange or page.open:
        raise AssertionError(f"injected: {strange} {page.open}")
    handlers = {name for name in page.attributes if name.startswith("on")}
    if handlers:
        raise AssertionError(f"injected: {handlers}")
    if not all(r.startswith(("#", "data:")) for r in page.references):
        raise AssertionError(f"injected: {page.references}")


class SmallFiles(RunTarget):
    """`files.json`, `failure.json`, `trackers.json`, `probe.json`."""

    name = "files.json, failure.json, trackers.json, probe.json"

    def draw(self, random):
        run = self.fresh()
        kind = random.randrange(4)
        if kind == 0:
            files = hostile.changed(self.files, random)
            run.files_path.write_bytes(hostile.encoded(files, random))
        elif kind == 1:
            failure = hostile.changed(synthetic.FAILURE, random)
            run.failure_path.write_bytes(hostile.encoded(failure, random))
        elif kind == 2:
            records = hostile.changed({"tensorboard": {"id": "a"}}, random)
            run.trackers_path.write_bytes(hostile.encoded(records, random))
        else:
            path = run.path / "probes" / "a" / "probe.json"
            path.parent.mkdir(parents=True)
            probe = hostile.changed(PROBE, random)
            path.write_bytes(hostile.encoded(probe, random))

        def attack():
            opened = runs.RunDirectory.open(run.path)
            opened.read_files()
            report.appendix.files(opened.read_files())
            report.notices.notices(
                opened.config,
                History(opened.read_metrics()),
                opened.read_failure(),
            )
            model_card.describe_run(opened)
            if kind == 2:
                trackers.start(["tensorboard"], opened).close()

        return attack
