"""Runs `recipes/pretrain.py` from another recipe, each run once."""

import pathlib
import subprocess
import sys

from common import options, run_folder, settings

import keras

from layerlock import backends, runs
from layerlock.runs import configuration, directory

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


def check(arguments, path, free=()):
    """Refuses a folder that holds anything but the run that is asked for.

    Args:
        arguments: list of flags for `recipes/pretrain.py`.
        path: the run directory; it need not be there.
        free: names of flags that may differ once the run is complete. Defaults
            to none but those that never matter.

    Raises:
        options.UsageError: naming each flag that differs, or the backend.
        ValueError: if the folder holds something that is no run.
    """
    if not (path / "config.json").exists():
        directory.check_free(path)
        return
    chosen, _ = settings.read([*arguments, f"--run_dir={path}"])
    changed = configuration.changed_options(
        runs.RunDirectory.open(path).config,
        {"flags": chosen, "backend": keras.backend.backend()},
        (*run_folder.FREE, *(free if is_complete(path) else ())),
    )
    if changed:
        lines = "\n".join(f"  {line}" for line in changed)
        raise options.UsageError(
            f"{path} holds another run than the flags ask for. Changed:\n"
            f"{lines}\n"
            "Take another --run_dir, or give these their old values."
        )


def train(arguments, path, free=()) -> list[dict]:
    """Trains a run to its end; returns the lines of its log.

    What is complete is not repeated, and what was cut off goes on.

    Args:
        arguments, path, free: as for `check`.

    Raises:
        RuntimeError: if the run did not come to its end.
        ValueError: if the folder holds something else; see `check`.
    """
    check(arguments, path, free)
    if is_complete(path):
        run = runs.RunDirectory.open(path)
        print(f"Taking {path}, complete.{_elsewhere(run.config)}")
        return run.read_metrics()
    started = (path / "config.json").exists()
    print(f"{'Going on with' if started else 'Training'} {path}")
    command = [sys.executable, str(RECIPE), f"--run_dir={path}", *arguments]
    done = subprocess.run(command + ["--resume"] * started)
    if done.returncode or not is_complete(path):
        raise RuntimeError(f"{path} did not come to its end: see above.")
    return runs.RunDirectory.open(path).read_metrics()


def _elsewhere(config) -> str:
    """A warning if a run was not trained on the devices that are here."""
    before = config.get("devices")
    now = [str(device) for device in backends.devices()]
    if before in (None, now):
        return ""
    return f" It ran on {before}, and here is {now}: do not compare times."


def is_complete(path) -> bool:
    """Whether a run has come to its last step."""
    if not (path / "config.json").exists():
        return False
    run = runs.RunDirectory.open(path)
    lines = run.read_metrics()
    return bool(lines) and lines[-1]["step"] >= run.config["flags"]["steps"]
