"""The stage to come, prepared while the present one trains."""

import contextlib
import random

from layerlock import backends
from layerlock.backends import optimizer as optimizer_state
from layerlock.core.freezing.scheduler import FreezableModel


def compile_next_stage(model, schedule, step: int):
    """Begins to compile the step that runs after the next freeze.

    The model is left alone: what is compiled is a copy of it at that stage,
    built from its configuration, of shapes without values.

    Args:
        model: the model that is being trained, some of whose steps ran.
        schedule: the `FreezeSchedule`.
        step: int, optimizer updates done.

    Returns:
        What can be waited for, with `wait()`; `None` where there is nothing
        to compile ahead: on backends that compile nothing, for models that do
        not know their stages, and under an adaptive schedule, whose events
        are part of the learning rate and of the program.
    """
    event = schedule.next_event(step)
    if (
        event is None
        or schedule.is_adaptive
        or not isinstance(model, FreezableModel)
    ):
        return None
    config = model.config_at(schedule.frozen_layers(event))
    backends.sync_state(model)
    try:
        make_optimizer = optimizer_state.maker(model.optimizer)
    except ValueError:
        return None

    def make_model():
        with _undisturbed_random_numbers():
            twin = type(model).from_config(config)
            twin.compile(make_optimizer(), jit_compile=model.jit_compile)
            twin.optimizer.build(twin.trainable_variables)
        return twin

    return backends.compile_ahead(model, config, make_model)


@contextlib.contextmanager
def _undisturbed_random_numbers():
    """Initializers draw their seeds from Python's own random numbers."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
