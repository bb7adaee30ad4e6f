"""Learning rates as pure functions of the optimizer step."""

import math

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.schedules.base import LAST_STEP, FreezeSchedule


@keras.saving.register_keras_serializable("layerlock")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to a peak, then falls along half a cosine.

    The first `warmup_steps` updates use `peak * (step + 1) / warmup_steps`,
    so that the rate of the first update is not 0. From there it falls to
    `final_fraction * peak` at step `steps`, and stays.

    With gradient accumulation, Keras passes the number of batches. Wrap this
    schedule in `PerUpdate` then.

    Reference: [SGDR, Loshchilov and Hutter, 2017](
    https://arxiv.org/abs/1608.03983), without restarts.

    Args:
        peak: float. The highest learning rate.
        steps: int, in optimizer steps. The length of the run.
        warmup_steps: int, in optimizer steps. Defaults to `0`.
        final_fraction: float, the last rate as a share of the peak. At `1.0`
            the rate stays at the peak. Defaults to `0.0`.

    Example:

    >>> rate = WarmupCosine(peak=1.0, steps=10, warmup_steps=4)
    >>> [round(float(rate(step)), 3) for step in (0, 3, 4, 7, 10)]
    [0.25, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, peak, steps, warmup_steps=0, final_fraction=0.0):
        if not 0 <= warmup_steps < steps:
            raise ValueError(
                "`warmup_steps` must be at least 0 and below `steps`. "
                f"Received: warmup_steps={warmup_steps}, steps={steps}. "
                "Shorten the warm-up or train for longer."
            )
        if peak <= 0 or not 0 <= final_fraction <= 1:
            raise ValueError(
                "`peak` must be positive and `final_fraction` between 0 and "
                f"1. Received: peak={peak}, final_fraction={final_fraction}."
            )
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.final_fraction = final_fraction

    # Not built on `keras.optimizers.schedules.CosineDecay`: with a warm-up
    # through the same rates its decay would begin one step earlier, and on
    # CUDA it copies its arguments to the device, which stalls every step.

    takes_numbers = True  # A step may be a number of Python.

    def __call__(self, step):
        xp, constant, cast = _arithmetic(step)
        step = cast(step, "float32")
        decay_steps = self.steps - self.warmup_steps
        zero, one = (constant(x, "float32") for x in (0.0, 1.0))
        progress = (step - self.warmup_steps) / decay_steps
        progress = xp.minimum(xp.maximum(progress, zero), one)
        cosine = 0.5 * (1.0 + xp.cos(math.pi * progress))
        decay = self.final_fraction + (1.0 - self.final_fraction) * cosine
        warmup = xp.minimum((step + 1.0) / max(self.warmup_steps, 1), one)
        return self.peak * warmup * decay

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "final_fraction": self.final_fraction,
        }


@keras.saving.register_keras_serializable("layerlock")
class MiniWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Ramps the learning rate up again after every freeze.

    After an event the rate of `schedule` is multiplied by

        min((step - last_event + 1) / length, 1)

    A head for the new target starts without gradient statistics, so its first
    updates would be too large.

    Reference: [LayerLock, Erdogan et al., 2025](
    https://arxiv.org/abs/2509.10156), which does not state the length.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`. The rate
            without freezing.
        events: when layers freeze: a `FreezeSchedule`, or a sequence of
            optimizer steps. The events of an adaptive schedule are read again
            at each compilation of the step.
        length: int, in optimizer steps. 0 turns the ramps off.

    Example:

    >>> constant = WarmupCosine(peak=1.0, steps=100, final_fraction=1.0)
    >>> rate = MiniWarmup(constant, events=[10, 50], length=4)
    >>> [float(rate(step)) for step in (9, 10, 11, 13, 14, 51)]
    [1.0, 0.25, 0.5, 1.0, 1.0, 0.5]
    """

    def __init__(self, schedule, events, length):
        self.schedule = _checked_schedule(schedule)
        if isinstance(events, FreezeSchedule) and not events.is_adaptive:
            events = [step for step, _ in events.events(LAST_STEP)]
        self.events = events
        if length < 0:
            raise ValueError(
                "`length` must be at least 0 optimizer steps. "
                f"Received: length={length}. Pass 0 to turn the ramps off."
            )
        self.length = length

    def __call__(self, step):
        rate = self.schedule(step)
        steps = self.event_steps
        is_adaptive = isinstance(self.events, FreezeSchedule)
        if not self.length or not (steps or is_adaptive):
            return rate
        # Padded to a multiple of 16: an adaptive run, and the run that repeats
        # it with fixed events, compile to one program and round alike.
        steps += [LAST_STEP] * (-len(steps) % 16 if steps else 16)
        xp, constant, cast = _arithmetic(step)
        step = cast(step, "int32")
        # Steps since the last event; `length` for all events in the future.
        elapsed = step - constant(steps, "int32")  # (events,)
        no_ramp = constant(self.length, "int32")
        elapsed = xp.min(xp.where(elapsed >= 0, elapsed, no_ramp))
        ramp = (cast(elapsed, "float32") + 1.0) / self.length
        return rate * xp.minimum(ramp, constant(1.0, "float32"))

    @property
    def takes_numbers(self) -> bool:
        """Whether a step may be a number of Python."""
        return getattr(self.schedule, "takes_numbers", False)

    @property
    def event_steps(self) -> list[int]:
        """The optimizer steps after which the rate rises again."""
        if isinstance(self.events, FreezeSchedule):
            return [step for step, _ in self.events.events(LAST_STEP)]
        return [int(step) for step in self.events]

    def get_config(self):
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "events": self.event_steps,
            "length": self.length,
        }

    @classmethod
    def from_config(cls, config):
        """Builds the schedule, and the one inside of it."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**{**config, "schedule": schedule})


@keras.saving.register_keras_serializable("layerlock")
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):
    """Converts batches to optimizer steps under gradient accumulation.

    An optimizer with `gradient_accumulation_steps` calls its learning rate
    schedule with the number of the batch. `PerUpdate` calls `schedule` with
    the number of the update that the batch belongs to.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`, of
            optimizer steps.
        accumulation: int, the optimizer's `gradient_accumulation_steps`.

    Example:

    >>> rate = WarmupCosine(peak=1.0, steps=10, warmup_steps=4)
    >>> [float(PerUpdate(rate, 2)(batch)) for batch in range(6)]
    [0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    """

    def __init__(self, schedule, accumulation):
        self.schedule = _checked_schedule(schedule)
        if accumulation < 1:
            raise ValueError(
                "`accumulation` must be at least 1 batch. "
                f"Received: accumulation={accumulation}."
            )
        self.accumulation = accumulation

    def __call__(self, step):
        xp, _, cast = _arithmetic(step)
        return self.schedule(
            xp.floor_divide(cast(step, "int32"), self.accumulation)
        )

    @property
    def takes_numbers(self) -> bool:
        """Whether a step may be a number of Python."""
        return getattr(self.schedule, "takes_numbers", False)

    def get_config(self):
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "accumulation": self.accumulation,
        }

    @classmethod
    def from_config(cls, config):
        """Builds the schedule, and the one inside of it."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**{**config, "schedule": schedule})


def _arithmetic(step):
    """Operations, constants and casts for a step.

    Those of NumPy for a number: a rate of tensors takes 30 operations of the
    backend, which are a large part of a small eager step.
    """
    if isinstance(step, (int, np.integer)):
        return np, np.asarray, np.asarray
    return ops, backends.constant, ops.cast


def _checked_schedule(schedule):
    base = keras.optimizers.schedules.LearningRateSchedule
    if not isinstance(schedule, base):
        raise ValueError(
            "`schedule` must be a `LearningRateSchedule`. "
            f"Received: {schedule!r}. For a constant rate, use "
            "`WarmupCosine(peak=rate, steps=1, final_fraction=1.0)`."
        )
    return schedule
