"""Runs that go on from a checkpoint of another run."""

import math
import os
import pathlib
import shutil

from layerlock import runs
from layerlock.config import PretrainConfig
from layerlock.jobs.pretraining import run_folder


def branch(trunk, step: int, path, config: PretrainConfig):
    """Makes a run that was killed at a step, of which another has a checkpoint.

    Both are the same up to that step, and read the same files.
    `pretrain` with `resume` continues it.

    Args:
        trunk: path of the run with the checkpoint.
        step: int.
        path: of the new run; it appears complete or not at all.
        config: of the new run.

    Raises:
        FileNotFoundError: if the trunk has no checkpoint of that step.
    """
    checkpoint = find_checkpoint(trunk, step)
    draft = path.with_name(f".writing_{path.name}")
    shutil.rmtree(draft, ignore_errors=True)
    config = config.but(run_dir=path).resolve()
    before = runs.RunDirectory.open(trunk)
    run = runs.RunDirectory.create(
        draft, run_folder.describe(config), before.read_files()
    )
    shutil.copytree(checkpoint, run.checkpoints_path / checkpoint.name)
    for line in before.read_metrics():
        if line["step"] <= step:
            run.append_metrics(line)
    os.rename(draft, path)


def find_checkpoint(trunk, step: int) -> pathlib.Path:
    """The checkpoint of a run at a step.

    Args:
        trunk: path of the run.
        step: int.

    Raises:
        FileNotFoundError: if there is none.
    """
    checkpoint = pathlib.Path(trunk) / "checkpoints" / f"step_{step:08d}"
    if not checkpoint.is_dir():
        raise FileNotFoundError(
            f"{trunk} has no checkpoint of step {step}. It was trained with "
            "other `freeze_at`: take another `run_dir`."
        )
    return checkpoint


def common_divisor(steps) -> int:
    """The largest number that divides all of some steps."""
    return math.gcd(*steps)


def log_every(checkpoint_every: int) -> int:
    """Steps between log lines: at most 50, a divisor of those to a checkpoint.

    >>> log_every(200), log_every(7)
    (50, 7)
    """
    return max(n for n in range(1, 51) if checkpoint_every % n == 0)
