"""Runs `recipes/pretrain.py` from another recipe, each run once."""

import pathlib
import subprocess
import sys

from common import options

from layerlock import runs

RECIPE = pathlib.Path(__file__).parents[1] / "pretrain.py"


def check_flags(values):
    """Refuses flags that make no sense for several runs, before any starts.

    Procedural scenes are held out too, unless the flags say otherwise.

    Args:
        values: `absl.flags.FlagValues`, parsed.
    """
    if values.run_dir is None:
        raise options.UsageError("--run_dir is missing: a folder for the runs.")
    if values.resume:
        raise options.UsageError(
            "Runs that were cut off go on by themselves: leave --resume out."
        )
    if values.data == "scenes" and not values["validation"].present:
        values.validation = "scenes"


def given(values, without=()) -> list[str]:
    """The flags that were given or set, as they are written.

    Args:
        values: `absl.flags.FlagValues`, parsed.
        without: names of flags to leave out.
    """
    return [
        values[name].serialize()
        for name in values
        if name not in without and not values[name].using_default_value
    ]


def train(arguments, path) -> list[dict]:
    """Trains a run to its end; returns the lines of its log.

    What is complete is not repeated, and what was cut off goes on.

    Args:
        arguments: list of flags for `recipes/pretrain.py`.
        path: the run directory.

    Raises:
        RuntimeError: if the run did not come to its end.
    """
    if not is_complete(path):
        started = (path / "config.json").exists()
        print(f"{'Going on with' if started else 'Training'} {path}")
        command = [sys.executable, str(RECIPE), f"--run_dir={path}", *arguments]
        done = subprocess.run(command + ["--resume"] * started)
        if done.returncode or not is_complete(path):
            raise RuntimeError(f"{path} did not come to its end: see above.")
    return runs.RunDirectory.open(path).read_metrics()


def is_complete(path) -> bool:
    """Whether a run has come to its last step."""
    if not (path / "config.json").exists():
        return False
    run = runs.RunDirectory.open(path)
    lines = run.read_metrics()
    return bool(lines) and lines[-1]["step"] >= run.config["flags"]["steps"]
