"""The option of a trace, which every job that trains has."""

from layerlock.config.option import OptionError, option

FIRST_TRACED, LAST_TRACED = 10, 15  # steps of a process


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


def check_trace(folder: str | None, num_batches: int, together: int = 1):
    """Raises if a run is too short for its trace.

    Args:
        folder: value of `trace`.
        num_batches: int, that the run trains on.
        together: int, batches of an execution, of which the trace has whole
            ones. Defaults to `1`.
    """
    begin = _round_up(FIRST_TRACED - 1, together)  # batches before the trace
    end = max(_round_up(LAST_TRACED, together), begin + together)
    if folder is None or num_batches >= end:
        return
    executions = ""
    if together > 1:
        executions = (
            f", in whole executions that begin at batch {FIRST_TRACED} or "
            f"later: with `steps_per_execution={together}`, the batches "
            f"{begin + 1} to {end}"
        )
    raise OptionError(
        f"`trace` records the batches {FIRST_TRACED} to {LAST_TRACED}"
        f"{executions}. Received: {num_batches} batches. Pass more `steps`, or "
        "leave `trace` out."
    )


def _round_up(number, multiple) -> int:
    return -(-number // multiple) * multiple
