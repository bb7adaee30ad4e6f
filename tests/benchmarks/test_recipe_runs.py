"""What is complete is not run again, and what was cut off goes on."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


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


def test_recipes_end_before_a_program_that_is_ended(tmp_path):
    """A child that goes on would keep its run folder, and take a core."""
    child = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(0.3)\n"
        "    pathlib.Path(sys.argv[1]).write_text('saved')\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "child.py").write_text(child)
    program = (
        f"import pathlib, sys; sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "import recipe_runs\n"
        "with recipe_runs.children_end_first():\n"
        f"    recipe_runs.run({f'{tmp_path}/child.py {tmp_path}/saved'!r},"
        f" pathlib.Path({str(tmp_path / 'log')!r}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    log = tmp_path / "log"
    while not (log.exists() and "ready" in log.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()

    assert process.wait(30) == 143
    assert (tmp_path / "saved").read_text() == "saved"


def test_a_signal_to_a_recipe_of_this_process_ends_it(
    recipe_runs, monkeypatch, tmp_path
):
    monkeypatch.setattr(recipe_runs.cli, "run", lambda *_: sys.exit(143))

    with pytest.raises(SystemExit) as ended:
        recipe_runs.run_here("recipes/pretrain.py", tmp_path / "log")
    assert ended.value.code == 143
