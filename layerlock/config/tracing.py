"""The option of a trace, which every job that trains has."""

from layerlock.config.option import OptionError, option

LAST_TRACED = 15  # step of a process


def trace_option(**arguments):
    """The option `trace`.

    Args:
        **arguments: further ones of `option`.
    """
    return option(
        None,
        "Folder for a trace of training steps 10 to 15, by the profiler of the "
        "framework, for TensorBoard or ui.perfetto.dev; not set: no trace.",
        **arguments,
    )


def check_trace(folder: str | None, num_batches: int):
    """Raises if a run is too short for its trace.

    Args:
        folder: value of `trace`.
        num_batches: int, that the run trains on.
    """
    if folder is not None and num_batches < LAST_TRACED:
        raise OptionError(
            f"`trace` records the batches 10 to {LAST_TRACED}. Received: "
            f"{num_batches} batches. Pass more `steps`, or leave `trace` out."
        )
