"""The largest batch that fits, from the memory of a smaller one."""

import gc

SHARE = 0.92  # of the memory, as allocators need some for themselves
SMALLER = 0.8  # of a batch that did not fit


def estimate(
    peak: int, fixed: int, batch_size: int, memory: int, held: int
) -> int:
    """How many clips should fit.

    Args:
        peak: int, bytes of a step of `batch_size` clips.
        fixed: int, those of them that do not depend on the clips.
        batch_size: int.
        memory: int, bytes of the device.
        held: int, bytes beside the clips when it counts, such as `fixed` and
            the weights of a second model.

    Example:

    >>> estimate(peak=300, fixed=100, batch_size=2, memory=1000, held=200)
    7
    >>> estimate(peak=300, fixed=100, batch_size=2, memory=5000, held=200)
    40
    """
    per_clip = max((peak - fixed) / batch_size, 1)
    return rounded(int((SHARE * memory - held) / per_clip))


def rounded(batch_size: int) -> int:
    """A multiple of 8, which kernels like, unless it is small."""
    return max(1, batch_size if batch_size < 16 else batch_size // 8 * 8)


def first_that_fits(run, batch_size: int):
    """Runs something with smaller and smaller batches, until one fits.

    Args:
        run: function of a batch size.
        batch_size: int, the first try.

    Returns:
        The batch size that fits, and what `run` returned for it.
    """
    while True:
        try:
            return batch_size, run(batch_size)
        except Exception as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
        # Outside of `except`: the error holds the tensors of its frames.
        gc.collect()
        batch_size = rounded(int(batch_size * SMALLER))


def is_out_of_memory(error) -> bool:
    """Whether the device had too little memory."""
    text = f"{type(error).__name__}: {error}".lower()
    return any(
        words in text
        for words in ("out of memory", "outofmemory", "resource_exhausted")
    )
