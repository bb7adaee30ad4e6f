"""Ends a run that a signal asked to end, so that it can go on later."""

from layerlock.interruption import INTERRUPTED
from layerlock.jobs.pretraining import processes, queue


def early(config, run, interruption, step: int) -> str | None:
    """Says how to go on with a run that a signal ended; `None` without one.

    Args:
        config: `PretrainConfig`, resolved.
        run: its `RunDirectory`.
        interruption: its `Interruption`.
        step: int, the optimizer step of the checkpoint.
    """
    if interruption.signal is None:
        return None
    return (
        f"ended by {interruption.signal.name} at step {step}, which is saved. "
        f"To go on: {processes.resume_command(config, run.path)}"
    )


def put_back(config, interruption) -> str:
    """Puts the job into its queue again, if it is asked to; says so."""
    name = interruption.signal and interruption.signal.name
    # After SIGTERM, SLURM puts the job back by itself, or is not to.
    if config.run.requeue and name == "SIGUSR1" and processes.is_first():
        return f" {queue.requeue()}"
    return ""


def status(interruption) -> int:
    """The exit status of a run that did not come to its end."""
    if interruption.was_interrupted:
        return INTERRUPTED
    if interruption.signal is None:
        return 1
    return 128 + interruption.signal  # as shells count
