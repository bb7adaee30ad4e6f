"""What is complete is not run again, and what was cut off goes on."""

import json

import pytest


@pytest.fixture
def recipe_runs(benchmarks):
    import recipe_runs

    return recipe_runs


@pytest.fixture
def commands():
    """The commands that were run."""
    return []


def test_a_result_is_computed_once(recipe_runs, commands, tmp_path):
    file = tmp_path / "probe" / "probe.json"

    def run(command, log):
        commands.append(command)
        file.parent.mkdir()
        file.write_text(json.dumps({"metrics": len(commands)}))

    found = [
        recipe_runs.result(file, "measure", tmp_path / "log", run)
        for _ in range(2)
    ]

    assert found == [{"metrics": 1}] * 2
    assert commands == ["measure"]


def test_files_of_a_command_that_was_cut_off_are_removed(recipe_runs, tmp_path):
    file = tmp_path / "probe" / "probe.json"
    file.parent.mkdir()
    (file.parent / "answers.csv").write_text("half a li")

    def run(command, log):
        file.parent.mkdir()
        file.write_text("{}")

    recipe_runs.result(file, "measure", tmp_path / "log", run)

    assert list(file.parent.iterdir()) == [file]


def test_a_run_that_was_cut_off_is_resumed(recipe_runs, commands, tmp_path):
    path = tmp_path / "mae"

    def run(command, log):
        commands.append(command)
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text("{}")

    for _ in range(2):
        recipe_runs.pretrain("recipe.py", path, run)

    first = f"recipe.py --run_dir={path}"
    assert commands == [first, f"{first} --resume"]
