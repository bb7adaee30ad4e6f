"""The range of other seeds, behind the curves of a run."""

import json

import numpy as np
import pytest

from layerlock import report
from layerlock.config import PretrainConfig
from layerlock.report import reference, sections, training_figures
from layerlock.report.history import History
from tests.runs import synthetic

OPTIONS = ("objective", "schedule", "preset", "data", "steps", "batch_size")


def configs(*seeds, **changed):
    return [
        {"flags": {**synthetic.CONFIG["flags"], **changed, "seed": seed}}
        for seed in seeds
    ]


def lines(*losses):
    return [{"step": 10 * i, "loss": x} for i, x in enumerate(losses, 1)]


def summarised():
    metrics = [lines(3.0, 2.0), lines(4.0, 1.0), lines(3.5, 1.5)]
    return reference.summarise("small", configs(0, 1, 2), metrics, OPTIONS)


def test_a_band_is_the_range_of_the_seeds():
    band = reference.read(summarised()).bands["loss"]

    assert band.steps.tolist() == [10, 20]
    assert band.low.tolist() == [3.0, 1.0]
    assert band.high.tolist() == [4.0, 2.0]


def test_a_step_that_a_run_has_not_logged_is_left_out():
    found = reference.summarise(
        "a", configs(0, 1), [lines(1.0, 2.0), lines(1.5)], OPTIONS
    )

    assert found["curves"]["loss"]["steps"] == [10]


def test_a_long_run_keeps_its_ends_and_few_points():
    one = lines(*np.linspace(1, 2, 1000))

    found = reference.summarise("a", configs(0, 1), [one, one], OPTIONS)

    steps = found["curves"]["loss"]["steps"]
    assert (steps[0], steps[-1]) == (10, 10_000)
    assert len(steps) == reference.MAX_POINTS
    assert len(json.dumps(found)) < 10_000


def test_one_run_has_no_range():
    with pytest.raises(ValueError, match="at least two runs"):
        reference.summarise("a", configs(0), [lines(1.0)], OPTIONS)


def test_runs_of_other_options_are_no_seeds_of_one():
    runs = configs(0) + configs(1, steps=700)

    with pytest.raises(ValueError, match="different `steps`"):
        reference.summarise("a", runs, [lines(1.0)] * 2, OPTIONS)


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A package whose only reference is of the synthetic run."""
    folder = tmp_path / "reference_curves"
    folder.mkdir()
    (folder / "small.json").write_text(json.dumps(summarised()))
    (folder / "README.md").write_text("not a curve")
    monkeypatch.setattr(
        reference.importlib.resources, "files", lambda package: tmp_path
    )


def test_a_run_with_other_options_has_no_reference(shipped):
    [same], [other] = configs(7), configs(0, steps=700)

    assert reference.find(same).seeds == [0, 1, 2]
    assert reference.find(other) is None
    assert reference.find({}) is None


def test_the_band_is_drawn_and_explained_where_the_options_are_equal(shipped):
    [same] = configs(7)
    alone = History(synthetic.metrics_lines())
    beside = History(synthetic.metrics_lines(), reference.find(same))

    drawn, plain = map(training_figures.loss, (beside, alone))

    assert len(drawn) > len(plain)
    text = sections.training(beside, synthetic.CONFIG).text
    assert "range of 3 runs" in text
    assert "range" not in sections.training(alone, synthetic.CONFIG).text


def test_the_axis_of_a_run_that_goes_on_ends_where_it_is(shipped):
    [same] = configs(7)
    short = History(synthetic.metrics_lines()[:1], reference.find(same))

    assert training_figures.loss(short) is not None


@pytest.mark.parametrize(
    "changed, name",
    [
        ({"seed": 7}, "default"),
        ({"log_every": 5}, "default"),
        ({"objective": "vjepa", "seed": 7}, "vjepa"),
        ({"objective": "lejepa", "seed": 7}, "lejepa"),
    ],
)
def test_the_default_job_has_a_reference(changed, name):
    """A new default needs new curves: `benchmarks/reference_curves.py`."""
    config = PretrainConfig.of(**changed).resolve()

    assert reference.find({"flags": config.recorded}).name == name


def test_every_reference_that_is_shipped_can_be_read():
    folder = reference.importlib.resources.files("layerlock.report")
    for file in (folder / "reference_curves").iterdir():
        if file.name.endswith(".json"):
            assert reference.read(json.loads(file.read_text())).bands
    assert report.reference is reference
