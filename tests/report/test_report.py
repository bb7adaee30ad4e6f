import json
import re
import sys

import pytest

from layerlock import report
from tests.report.pages import Page
from tests.runs import synthetic

pytest.importorskip("matplotlib")

FIGURES = (
    "freezing",
    "loss",
    "learning-rate",
    "clips-per-second",
    "flops",
    "step-flops",
    "memory",
    "feature-std",
    "effective-rank",
    "target-std",
    "raw-feature-std",
    "cosines",
    "grad-norm",
    "weights",
    "drift",
)


def written(run):
    return Page(report.write(run.path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = synthetic.synthetic_run(tmp_path_factory.mktemp("runs") / "run")
    synthetic.add_pictures(run)
    return run


@pytest.fixture(scope="module")
def page(run):
    return written(run)


def test_the_report_lies_in_the_run_directory(run, page):
    assert run.report_path == run.path / "report.html"
    assert run.report_path.is_file()


def test_the_report_refers_to_nothing_outside(page):
    outside = r"https?://|//\w+\.|@import|<script|<link"

    assert not re.search(outside, page.html)
    for reference in page.references:
        assert reference.startswith(("#", "data:image/png;base64,"))


def test_every_tag_is_closed(page):
    assert page.open == []


def test_every_id_is_unique(page):
    assert len(page.ids) == len(set(page.ids))


def test_every_inner_reference_has_its_id(page):
    used = re.findall(r'(?:href="#|url\(#)([^")]*)', page.html)

    assert used
    assert set(used) <= set(page.ids)


@pytest.mark.parametrize("name", FIGURES)
def test_the_report_draws(page, name):
    assert f"{name}-figure_1" in page.ids


def test_losses_on_different_targets_are_called_incomparable(page):
    assert "not comparable" in page.words


def test_the_commands_are_shown(run, page):
    command = "KERAS_BACKEND=jax python recipes/pretrain.py --steps=600"
    resume = f"layerlock pretrain --run_dir={run.path} --resume"

    assert command in page.words
    assert f"KERAS_BACKEND=jax {resume}" in page.words


def test_the_whole_configuration_is_shown(page):
    for name in (*synthetic.CONFIG["flags"], "git_revision", "versions"):
        assert name in page.words


def test_pictures_are_shown(page):
    images = [r for r in page.references if r.startswith("data:image/png")]

    assert len(images) == 2 * 3 + 2 * 2


def test_a_healthy_finished_run_has_no_notice(page):
    assert 'class="notice' not in page.html


def test_a_run_without_pictures_that_froze_only_has_a_report(tmp_path):
    lines = synthetic.metrics_lines(target="pixels")
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    page = written(run)

    assert "less compute than an unfrozen run" in page.words
    assert "not comparable" not in page.words
    assert "Reconstructions" not in page.words


def test_a_run_without_a_line_has_a_report(tmp_path):
    run = synthetic.synthetic_run(tmp_path / "run", [])

    assert "Nothing has been logged yet." in written(run).words


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_of_few_lines_has_a_report(tmp_path, count):
    lines = synthetic.metrics_lines()[:count]
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "No layer has been frozen yet." in written(run).words


def test_a_run_from_before_there_were_verdicts_has_a_report(tmp_path):
    run = synthetic.synthetic_run(tmp_path / "run", synthetic.old_lines())

    page = written(run)

    assert 'class="notice' not in page.html
    assert "<h2>Layers</h2>" not in page.html


def test_a_line_with_every_measurement_is_enough_for_a_report(tmp_path):
    line = synthetic.metrics_lines()[-1] | {"weight_norm_rates": None}
    run = synthetic.synthetic_run(tmp_path / "run", [line])

    assert {"weights-figure_1", "drift-figure_1"} <= set(written(run).ids)


def test_broken_numbers_in_lists_have_a_report(tmp_path):
    lines = synthetic.metrics_lines()
    for line in lines[20:]:
        for key in line.keys() & {"weight_norms", "weight_norm_rates", "cka"}:
            line[key][3] = float("nan")
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert {"weights-figure_1", "drift-figure_1"} <= set(written(run).ids)


def test_a_failure_is_shown(tmp_path):
    run = synthetic.synthetic_run(tmp_path / "run")
    run.write_failure(synthetic.FAILURE | {"clips": ["<b>.mp4"]})

    assert "Batch 599 contained <b>.mp4." in written(run).words


def test_jumps_of_the_teacher_are_in_the_table_of_events(tmp_path, page):
    lines = synthetic.metrics_lines()
    lines[20]["teacher_jump"] = 1.234
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "1.23" in written(run).words
    assert "teacher jump" not in page.words


def test_a_run_that_is_writing_a_line_has_a_report(tmp_path):
    lines = synthetic.metrics_lines()[:20]
    run = synthetic.synthetic_run(tmp_path / "run", lines)
    with open(run.metrics_path, "ab") as file:
        file.write(b'{"step": 2')

    assert "has logged 200 of 600 steps" in written(run).words


def test_lines_of_nulls_have_a_report(tmp_path):
    lines = [
        {**dict.fromkeys(line), "step": line["step"]}
        for line in synthetic.metrics_lines()
    ]
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "Not logged in this run." in written(run).words


def test_lines_of_nothing_but_steps_have_a_report(tmp_path):
    run = synthetic.synthetic_run(tmp_path / "run", [{"step": 5}])

    assert "Not logged in this run." in written(run).words


def test_lines_of_nothing_but_broken_numbers_have_a_report(tmp_path):
    lines = synthetic.metrics_lines()
    for line in lines:
        line |= dict.fromkeys(set(line) - {"step"}, float("nan"))
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "The loss is not finite at step 10." in written(run).words


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_breaks_on_the_way_has_a_report(tmp_path, value):
    lines = synthetic.metrics_lines()
    for line in lines[40:]:
        line["loss"] = line["grad_norm"] = value
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "The loss is not finite at step 410." in written(run).words


def test_several_targets_at_once_are_named(tmp_path):
    lines = synthetic.metrics_lines()
    for line in lines:
        if line["frozen_layers"]:
            line["target_layer"] = list(range(1, line["frozen_layers"] + 1))
    run = synthetic.synthetic_run(tmp_path / "run", lines)

    assert "layers 1, 2, 3" in written(run).words


def test_a_long_run_has_a_report_of_bearable_size(tmp_path):
    lines = synthetic.metrics_lines(5000, log_every=1)
    run = synthetic.synthetic_run(tmp_path / "run", [])
    content = "".join(f"{json.dumps(line)}\n" for line in lines)
    run.metrics_path.write_text(content)

    assert report.write(run.path).stat().st_size < 2_000_000


def test_flags_and_names_are_escaped(tmp_path):
    config = synthetic.CONFIG | {
        "command": "python '<img src=x>'",
        "flags": {"data": "</dd><img src=http://x>", "preset": "<b>"},
    }
    run = synthetic.synthetic_run(tmp_path / "<i>run", [], config)

    page = written(run)

    assert page.open == []
    assert not re.search("<(img|b|i)[ >]", page.html)


def test_a_configuration_with_nothing_in_it_has_a_report(tmp_path):
    run = synthetic.synthetic_run(tmp_path / "run", [], {"flags": {}})

    assert "Full configuration" in written(run).words


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not hold a run"):
        report.write(tmp_path)


def test_without_matplotlib_the_extra_to_install_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ImportError, match=r'pip install "layerlock\[report\]"'):
        report.write(run.path)
