"""When a run counts as complete, and what trains it otherwise."""

import pytest


@pytest.fixture
def grid(benchmarks):
    import grid

    return grid


def ended(path, step, saved):
    """A run whose log and newest checkpoint end at these steps."""
    from layerlock.runs import RunDirectory

    run = RunDirectory.create(path, {})
    run.append_metrics({"step": step})
    (run.checkpoints_path / f"step_{saved:08d}").mkdir(parents=True)
    return run


def test_a_run_is_complete_once_its_report_is_the_newest(grid, tmp_path):
    import os

    runs = grid.Grid(tmp_path)
    run = ended(tmp_path / "run", 10, 10)
    assert not runs.is_complete(run.path, 10)

    run.report_path.write_text("of a run that was stopped")
    os.utime(run.report_path, (1, 1))
    assert not runs.is_complete(run.path, 10)

    run.report_path.write_text("of all of it")
    assert runs.is_complete(run.path, 10)
    assert not runs.is_complete(run.path, 11)


def test_a_run_without_its_last_checkpoint_is_not_complete(grid, tmp_path):
    run = ended(tmp_path / "run", 10, 8)
    run.report_path.write_text("")

    assert not grid.Grid(tmp_path).is_complete(run.path, 10)


def test_a_recipe_that_ends_without_a_run_is_an_error(grid, tmp_path):
    runs = grid.Grid(tmp_path / "my folder", common="--a", unnamed="--b")
    commands = []
    runs.run = lambda command, log: commands.append(command)

    with pytest.raises(RuntimeError, match="did not come to its end"):
        runs.train("--c", 10, 3)

    path = runs.path("--c", 10, 3)
    assert path.name == "a-c-10-3"
    assert commands == [
        "recipes/pretrain.py --b --a --c --steps=10 --seed=3 "
        f"--run_dir='{path}'"
    ]
