"""Trains runs one after the other, each in a process of its own, each once."""

import os
import pathlib
import subprocess
import sys

import keras

from layerlock import backends, runs
from layerlock.config import JobConfig, OptionError, PretrainConfig
from layerlock.jobs.job import JobError
from layerlock.jobs.pretraining import run_folder, teachers
from layerlock.runs import configuration, directory

COMMAND = (sys.executable, "-m", "layerlock", "pretrain")


def check_study(config: JobConfig) -> JobConfig:
    """Refuses options that make no sense for several runs.

    Returns:
        The configuration; procedural scenes are held out too, unless it says
        otherwise.

    Raises:
        OptionError: before any run starts.
    """
    if config.run.run_dir is None:
        raise OptionError("`run_dir` is missing: a folder for the runs.")
    for name, value in config.given.items():
        if config.options()[name].plugin and not isinstance(value, str):
            raise OptionError(
                f"`{name}` is an instance. The runs of a study are processes "
                "of their own, which find plug-ins by name. Pass a name, and "
                f"`{name}_args`."
            )
    if config.run.resume:
        raise OptionError(
            "Runs that were stopped continue by themselves: leave `resume` out."
        )
    if config.run.requeue:
        raise OptionError(
            "`requeue` puts the job of one run back into the queue, and a "
            "study trains several runs. Leave `requeue` out, and pass the "
            "same options again: a run that was stopped continues."
        )
    if config.data.data == "scenes" and config.data.validation is None:
        return config.but(validation="scenes")
    return config


def run_config(config: JobConfig, **options) -> PretrainConfig:
    """The configuration of one run of a study.

    Args:
        config: of the study.
        **options: those that differ; `None` takes one back.
    """
    known = PretrainConfig.options()
    given = {k: v for k, v in config.given.items() if k in known}
    return PretrainConfig.of(**{**given, "run_dir": None, **options})


def check(config: PretrainConfig, path: pathlib.Path, free=()):
    """Refuses a folder that holds anything but the run of a configuration.

    Args:
        config: of the run, without a run directory.
        path: the run directory; it need not exist.
        free: names of options that may differ once the run is complete.
            Defaults to none but those that never matter.

    Raises:
        OptionError: naming each option that differs, or the backend.
        ValueError: if the folder holds something that is no run.
    """
    if not (path / "config.json").exists():
        directory.check_free(path)
        return
    config = config.resolve()
    run = runs.RunDirectory.open(path)
    flags = run_folder.with_later_options(run.config.get("flags", {}))
    changed = configuration.changed_options(
        run.config | {"flags": flags},
        {"flags": config.recorded, "backend": keras.backend.backend()},
        (*run_folder.FREE, *(free if is_complete(path) else ())),
    )
    # Its name may change, as that of a folder that was moved.
    teacher = teachers.difference(run, config)
    if teacher:
        changed = [*changed, "teacher: {} -> {}".format(*teacher)]
    if changed:
        lines = "\n".join(f"  {line}" for line in changed)
        raise OptionError(
            f"{path} holds another run than the options describe. Changed:\n"
            f"{lines}\n"
            "Take another `run_dir`, or give these their old values."
        )


def train(config: PretrainConfig, path: pathlib.Path, free=()) -> list[dict]:
    """Trains a run to its end; returns the lines of its log.

    A complete run is not repeated, and one that was stopped continues.

    Args:
        config, path, free: as for `check`.

    Raises:
        JobError: if the run did not come to its end.
        ValueError: if the folder holds something else; see `check`.
    """
    check(config, path, free)
    if is_complete(path):
        run = runs.RunDirectory.open(path)
        print(f"Taking {path}, complete.{_elsewhere(run.config)}")
        return run.read_metrics()
    started = (path / "config.json").exists()
    print(f"{'Continuing' if started else 'Training'} {path}", flush=True)
    config = config.but(run_dir=path, resume=started or None)
    done = subprocess.run(
        [*COMMAND, *config.arguments()],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
    )
    if done.returncode or not is_complete(path):
        raise JobError(f"{path} did not come to its end: see above.")
    return runs.RunDirectory.open(path).read_metrics()


def _elsewhere(config) -> str:
    """A warning if a run was not trained on the devices of this machine."""
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
    steps = run.config.get("flags", {}).get("steps")
    return bool(lines) and steps is not None and lines[-1]["step"] >= steps
