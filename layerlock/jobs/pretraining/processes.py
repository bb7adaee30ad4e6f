"""The processes of a run: what the first one does for all."""

import contextlib
import io
import os

import keras

from layerlock import backends, interruption
from layerlock.backends import launchers
from layerlock.config import OptionError, PretrainConfig
from layerlock.jobs.job import JobError
from layerlock.runs import configuration


def start(config: PretrainConfig):
    """Joins the processes of a run, before anything touches a device.

    Raises:
        ValueError: if they were not started as the backend needs it.
    """
    devices = config.devices
    backends.start_processes(
        devices.coordinator, devices.num_processes, devices.process_id
    )


def check(config: PretrainConfig):
    """Raises unless the processes train one model together."""
    count = backends.process_count()
    if count > 1 and config.devices.distribution == "none":
        raise OptionError(
            f"{count} processes were started, and without a distribution each "
            "would train the same run. Use `distribution=data` or fsdp, or "
            "start one process."
        )


def resume_command(config: PretrainConfig, run_path) -> str:
    """The command by which this process, and those beside it, resume a run.

    Args:
        config: resolved.
        run_path: path of the run directory.
    """
    launcher, options = (), ()
    if config.devices.coordinator is not None:
        devices = config.devices
        options = [
            f"--{name}={getattr(devices, name)}" for name in devices.OF_PROCESS
        ]
    elif backends.process_count() > 1:
        launcher = launchers.command()
    return configuration.resume_command(
        keras.backend.backend(), os.fspath(run_path), launcher, options
    )


def signals() -> tuple:
    """Names of the signals after which a run is saved, and ends."""
    together = backends.process_count() > 1
    return interruption.NAMES_TOGETHER if together else interruption.NAMES


def is_first() -> bool:
    """Whether this process writes the files of the run."""
    return backends.process_index() == 0


def first(function):
    """Calls a function in the first process; returns the result in all.

    Every process calls this. An error is raised in all of them.

    Args:
        function: without arguments. With several processes it returns a JSON
            value.
    """
    if backends.process_count() == 1:
        return function()
    if not is_first():
        answer = backends.broadcast(None)
        if "error" in answer:
            raise ValueError(f"The first process stopped: {answer['error']}")
        return answer["value"]
    try:
        answer = {"value": function()}
    except Exception as error:
        backends.broadcast({"error": str(error)})
        raise
    return backends.broadcast(answer)["value"]


def only_first(function):
    """Calls a function in the first process; `None` in the others.

    Every process calls this. An error is raised in all of them.

    Args:
        function: without arguments.
    """
    results = []
    first(lambda: results.append(function()))
    return results[0] if results else None


@contextlib.contextmanager
def abandoned_on_error():
    """Context whose errors end this process without waiting for the others.

    Raises:
        JobError: if the error is that another process has ended.
    """
    try:
        yield
    except BaseException as error:
        backends.abandon()
        lost = backends.lost(error)
        if lost is not None:
            raise JobError(str(lost)) from error
        raise


class _Nowhere(io.TextIOBase):
    """A stream that drops what is written."""

    def writable(self):
        return True

    def write(self, text):
        return len(text)


def stream():
    """Where progress goes: `None`, standard error, in the first process."""
    return None if is_first() else _Nowhere()


def quiet():
    """Context in which all processes but the first print nothing."""
    if is_first():
        return contextlib.nullcontext()
    return contextlib.redirect_stdout(_Nowhere())
