"""Whole runs are added up from their stages."""

import pytest


@pytest.fixture
def run_time(benchmarks):
    import run_time

    return run_time


def test_stages_follow_the_schedule_of_a_recipe(run_time):
    assert run_time.stages_of("mae") == [(0, 6000)]
    stages = run_time.stages_of("mae_layerlock")

    assert stages[0] == (0, 3600)
    assert stages[1] == (1, 480)
    assert sum(steps for _, steps in stages) == 6000
    assert stages[-1][0] == 4


@pytest.mark.parametrize("name", ["mae", "mae_layerlock", "vjepa_layerlock"])
def test_nothing_but_steps_happens_in_a_measured_run(run_time, name, tmp_path):
    run_time.FLAGS(["run_time"])

    config, _ = run_time.configured(name, str(tmp_path))

    assert config.run.monitor_every > config.training.steps
    assert config.run.checkpoint_every > config.training.steps
    assert config.run.log_every == run_time.FLAGS.steps


def test_a_stage_counts_as_long_as_it_lasts(run_time):
    def stage(steps, ratio, peak):
        return {
            "steps": steps,
            "ratio": ratio,
            "low": ratio - 0.1,
            "high": ratio + 0.1,
            "peak_bytes": peak,
            "peak_bytes_reference": 100,
        }

    found = run_time.whole_run([stage(30, 2.0, 120), stage(10, 1.0, 80)])

    assert found["ratio"] == pytest.approx(1.75)
    assert (found["low"], found["high"]) == pytest.approx((1.65, 1.85))
    assert (found["memory_first"], found["memory_last"]) == (1.2, 0.8)
