"""Compiles the training step of the next stage in the background."""

import warnings

from layerlock.backends.jax.ahead import Compilation
from layerlock.backends.jax.programs import (
    finish,
    step_from_shapes,
    structure_of,
)


def compile_ahead(model, config, make_model):
    """See the contract."""
    step = getattr(model, "compiled_step", None)
    if step is None or step.data is None:
        return None
    running = getattr(model, "next_step", None)
    if running is not None and running.config == config:
        return running

    # The model is built here, and not in the thread: initializers draw from
    # Python's random numbers. It takes a tenth of a second.
    try:
        later, state = step_from_shapes(make_model, step.data)
    except Exception as error:
        warnings.warn(
            "The next stage cannot be compiled in the background; it is "
            f"compiled when layers freeze. Reason: {error!r}",
            stacklevel=2,
        )
        return None
    data = step.data
    model.next_step = Compilation(
        lambda: later.jitted.lower(state, data),
        finish,
        structure_of((state, data)),
        config,
    )
    return model.next_step
