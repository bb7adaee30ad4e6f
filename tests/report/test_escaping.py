"""Text from outside appears on every page as text, never as HTML."""

import dataclasses
import shlex

import pytest

from layerlock import report
from layerlock.evaluation import probing
from layerlock.report import probe_page
from tests.evaluation import toys
from tests.report.pages import Page
from tests.report.test_probe_page import STEPS
from tests.runs import synthetic

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


def hostile(place):
    return f'{place}"><script>alert(1)</script><img src=x onerror=alert(1)>'


class HostileExamples(toys.Planted):
    def name(self, index):
        return hostile(f"clip {index}")


class HostileTask(toys.PlantedTask):
    def __init__(self):
        super().__init__()
        self.class_names = [hostile(f"class {i}") for i in range(4)]

    def examples(self, split):
        seed = ("train", "validation", "test").index(split)
        return HostileExamples((120, 40, 60)[seed], seed, dense=False)


def run_page(folder):
    names = ("command", "backend", "git_revision", "started")
    config = synthetic.CONFIG | {name: hostile(name) for name in names}
    config["command"] = f"python {shlex.quote(hostile('command'))}"
    config["devices"] = [hostile("device")]
    config["versions"] = {hostile("library"): hostile("version")}
    config["flags"] = {
        **{name: hostile(name) for name in synthetic.CONFIG["flags"]},
        hostile("option"): hostile("value"),
        "steps": 600,
    }
    files = {
        "files": [],
        "unreadable": [{"path": hostile("path"), "reason": hostile("reason")}],
    }
    lines = synthetic.judged(synthetic.metrics_lines(), hostile("verdict"), 10)
    for line in lines[10:]:
        line["verdict_reason"] = hostile("verdict reason")
    name = "<script>" + "<img src=x>"  # a folder may not hold a slash
    run = synthetic.synthetic_run(folder / name, lines, config, files)
    synthetic.add_pictures(run, layer=hostile("layer"))
    run.write_failure(
        synthetic.FAILURE | {"loss": hostile("loss"), "clips": [hostile("a")]}
    )
    places = [*names, *synthetic.CONFIG["flags"], "device", "library"]
    places += ["version", "option", "value", "path", "reason", "verdict"]
    places += ["verdict reason", "layer", "loss", "a"]
    places.remove("steps")
    return Page(report.page(run)), places


def probed_page(kind, trials=None):
    task = HostileTask()
    result = probing.probe(toys.Encoder(), task, "knn", layer=1)
    # All answers are wrong: every class is the next one.
    result = dataclasses.replace(
        result,
        targets=(result.targets + 1) % 4,
        trials=trials or result.trials,
    )
    names = ("command", "backend", "encoder", "task", "readout", "layer")
    config = {
        **{name: hostile(name) for name in names},
        "student": False,
        "seconds": 61.0,
        "problems": [hostile("problem")],
        "examples": {s: len(f) for s, f in result.features.items()},
        "metrics": result.metrics,
    }
    html = probe_page.page(config, task, toys.Encoder(), result, kind)
    return Page(html), [*names, "problem", "class 0", "class 3", "clip"]


def probe(_):
    return probed_page("probe")


def fine_tuning(_):
    return probed_page("fine-tuning", STEPS)


@pytest.mark.parametrize("make_page", [run_page, probe, fine_tuning])
def test_text_from_outside_is_escaped(make_page, tmp_path):
    page, places = make_page(tmp_path)

    assert "script" not in page.tags
    assert "onerror" not in page.attributes
    assert all(
        reference.startswith(("#", "data:")) for reference in (page.references)
    )
    assert page.open == []
    for place in places:
        text = hostile(place).removeprefix("clip")
        assert text in page.words, place
