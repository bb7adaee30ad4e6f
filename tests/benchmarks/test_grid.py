"""What is complete is not run again, and what was cut off goes on."""

import json

import pytest


@pytest.fixture
def grid(benchmarks):
    import grid

    return grid


@pytest.fixture
def commands():
    """The commands that were run."""
    return []


def test_a_result_is_computed_once(grid, commands, tmp_path):
    file = tmp_path / "probe" / "probe.json"

    def run(command, log):
        commands.append(command)
        file.parent.mkdir()
        file.write_text(json.dumps({"metrics": len(commands)}))

    found = [
        grid.result(file, "measure", tmp_path / "log", run) for _ in range(2)
    ]

    assert found == [{"metrics": 1}] * 2
    assert commands == ["measure"]


def test_files_of_a_command_that_was_cut_off_are_removed(grid, tmp_path):
    file = tmp_path / "probe" / "probe.json"
    file.parent.mkdir()
    (file.parent / "answers.csv").write_text("half a li")

    def run(command, log):
        file.parent.mkdir()
        file.write_text("{}")

    grid.result(file, "measure", tmp_path / "log", run)

    assert list(file.parent.iterdir()) == [file]


def test_a_run_that_was_cut_off_is_resumed(grid, commands, tmp_path):
    path = tmp_path / "mae"

    def run(command, log):
        commands.append(command)
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text("{}")

    for _ in range(2):
        grid.pretrain("recipe.py", path, run)

    first = f"recipe.py --run_dir={path}"
    assert commands == [first, f"{first} --resume"]


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
