import pytest

from layerlock.report import summary
from layerlock.report.history import History
from tests.runs import synthetic


def tile(lines, name):
    tiles = summary.tiles(synthetic.CONFIG, History(lines))
    [tile] = [tile for tile in tiles if tile.name.startswith(name)]
    return tile


def test_the_part_of_a_fixed_teacher_is_shown():
    lines = synthetic.metrics_lines()
    lines[-1] |= {"flops": 4e15, "flops_unfrozen": 4e15, "flops_teacher": 1e15}

    assert "the teacher takes 25%" in tile(lines, "compute").note


def test_the_facts_are_the_main_options_and_the_environment():
    assert summary.facts(synthetic.CONFIG) == {
        "objective": "mae",
        "preset": "video_vit_nano",
        "data": "scenes",
        "schedule": "linear",
        "backend": "jax",
        "devices": "cpu:0",
        "started": "2026-01-02 03:04:05 +0000",
    }


def test_many_devices_are_counted():
    devices = [f"tpu:{index}" for index in range(16)]

    assert "16 × tpu:0" in summary.facts({"devices": devices})["devices"]


def test_compute_is_a_ratio_to_the_unfrozen_run():
    lines = synthetic.metrics_lines()
    lines[-1] |= {"flops": 3e15, "flops_unfrozen": 4e15}

    compute = tile(lines, "compute")

    assert compute.value == "0.75×"
    assert compute.note == "3 PFLOPs, unfrozen 4 PFLOPs"
    assert compute.mood == "good"


def test_memory_is_compared_with_the_first_stage():
    memory = tile(synthetic.metrics_lines(), "peak memory")

    assert memory.value == "275 MiB"
    assert memory.note == "−55% from 610 MiB unfrozen"


def test_before_the_first_freeze_there_is_nothing_to_compare():
    memory = tile(synthetic.metrics_lines(100), "peak memory")

    assert (memory.value, memory.note) == ("610 MiB", "same as unfrozen")


def test_frozen_layers_are_counted_of_all_layers():
    frozen = tile(synthetic.metrics_lines(), "frozen layers")

    assert frozen.value == "5 of 8"
    assert frozen.note == "current target: layer 5"


def test_the_loss_names_its_target():
    lines = synthetic.metrics_lines()
    lines[-1]["loss"] = 0.1234

    loss = tile(lines, "final loss")

    assert (loss.value, loss.note) == ("0.1234", "on layer 5")


def test_the_loss_of_an_unfinished_run_is_not_final():
    assert tile(synthetic.metrics_lines()[:20], "loss so far")


def test_a_held_out_loss_is_shown():
    lines = synthetic.metrics_lines()
    lines[30]["validation_loss"] = 0.77

    assert "held-out 0.77" in tile(lines, "final loss").note


def test_a_loss_that_broke_is_not_the_final_one():
    lines = synthetic.metrics_lines()
    lines[-2]["loss"], lines[-1]["loss"] = 0.5, float("nan")

    loss = tile(lines, "final loss")

    assert (loss.value, loss.note) == ("0.5", "last finite value")


def test_a_healthy_run_has_a_good_tile_with_the_reason():
    health = tile(synthetic.metrics_lines(), "health")

    assert (health.value, health.mood) == ("healthy", "good")
    assert health.is_wide
    assert health.note.startswith("Spread of features 0.62")


@pytest.mark.parametrize("label", ["collapsing", "collapsed", "diverged"])
def test_any_other_verdict_is_a_bad_tile(label):
    lines = synthetic.judged(synthetic.metrics_lines(), label, 30)

    health = tile(lines, "health")

    assert (health.value, health.mood) == (label, "bad")


def test_a_run_without_verdicts_is_not_judged():
    lines = synthetic.old_lines()
    lines[-1]["feature_std"] = 1e-4

    health = tile(lines, "health")

    assert (health.value, health.mood) == ("unknown", "")
    assert health.note == "no verdict was logged"


def test_a_run_without_a_line_has_tiles():
    values = [t.value for t in summary.tiles(synthetic.CONFIG, History([]))]

    assert values == ["unknown"] * 6 + ["0"]


@pytest.mark.parametrize("share, is_shown", [(0.02, False), (0.43, True)])
def test_much_waiting_for_clips_is_beside_the_speed(share, is_shown):
    lines = [line | {"input_wait": share} for line in synthetic.metrics_lines()]

    note = tile(lines, "speed").note

    assert ("43% of the time waiting for clips" in note) == is_shown
