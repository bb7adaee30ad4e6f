"""Compiles the step of the next stage while the present one trains."""

from layerlock import backends
from layerlock.backends import optimizer as optimizer_state, randomness
from layerlock.core.freezing.scheduler import FreezableModel


def compile_next_stage(model, schedule, step: int):
    """Starts to compile the step that runs after the next freeze.

    The model is not changed. The step of a copy is compiled: the copy is built
    from the configuration of that stage, with shapes and without values.

    Args:
        model: the model in training, after its first step.
        schedule: the `FreezeSchedule`.
        step: int, optimizer updates done.

    Returns:
        An object with `wait()`, or `None` if nothing is compiled ahead: on
        backends without compilation, for models that are no
        `FreezableModel`, and under an adaptive schedule, whose events
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

    def make_model():  # called in this thread
        with randomness.preserved():
            twin = type(model).from_config(config)
            twin.compile(make_optimizer(), jit_compile=model.jit_compile)
            twin.optimizer.build(twin.trainable_variables)
        return twin

    return backends.compile_ahead(model, config, make_model)
