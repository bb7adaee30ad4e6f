"""The step of the next stage, compiled ahead, is the step of that stage."""

import random
import threading

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("compiled ahead on JAX alone", allow_module_level=True)

import jax

from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.learning_rate import MiniWarmup, WarmupCosine
from layerlock.core.freezing.schedules import (
    ConvergedFreezeSchedule,
    PiecewiseFreezeSchedule,
)
from layerlock.core.pretraining.masks import MultiBlockMask
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.core.freezing.dropped_gradients import BATCH_SIZE, build_model, clips
from tests.marks import thorough_on

EVENTS = [(3, 1), (6, 3)]
STEPS = 9
OPTIMIZERS = {
    "adamw": lambda rate: keras.optimizers.AdamW(rate, global_clipnorm=1.0),
    "accumulating": lambda rate: keras.optimizers.AdamW(
        rate, gradient_accumulation_steps=2, use_ema=True
    ),
}


def build(
    make_optimizer=OPTIMIZERS["adamw"], events=EVENTS, together=1, **arguments
):
    model = build_model(**arguments)
    schedule = PiecewiseFreezeSchedule(events)
    rate = MiniWarmup(WarmupCosine(1e-2, STEPS, 2), schedule, 2)
    optimizer = make_optimizer(rate)
    # In no configuration of the optimizer.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma"])
    model.compile(optimizer, steps_per_execution=together)
    return model, schedule


def train(model, lock, steps=STEPS):
    losses = []
    accumulation = model.optimizer.gradient_accumulation_steps or 1
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["batch_loss"])
    )
    model.fit(
        clips(steps * accumulation),
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[record, lock],
    )
    return losses


class Watched(LayerLock):
    """Notes what was compiled ahead, and what of it was used."""

    def __init__(self, schedule):
        super().__init__(schedule)
        self.started = []
        self.used = []

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.compiled_step
        self.used += [s for s in self.started if s.program is step.latest]
        super().on_train_batch_end(batch, logs)
        if self.compiling is not None and self.compiling not in self.started:
            self.started.append(self.compiling)
            self.compiling.wait()


MODELS = {
    "mae": {},
    "vjepa": {"objective": VJEPA(), "mask": MultiBlockMask()},
}


# One objective is enough to tell optimizers apart.
PAIRS = [
    *(("mae", name) for name in OPTIMIZERS),
    pytest.param("vjepa", "adamw", marks=pytest.mark.thorough),
]


@pytest.mark.parametrize(("name", "optimizer"), PAIRS)
def test_nothing_changes_but_the_stall(name, optimizer):
    ours, schedule = build(OPTIMIZERS[optimizer], **MODELS[name])
    lock = Watched(schedule)
    losses = train(ours, lock)
    theirs, schedule = build(OPTIMIZERS[optimizer], **MODELS[name])
    expected = train(theirs, LayerLock(schedule, compile_ahead=False))

    assert [s.error for s in lock.started] == [None, None]
    assert len({id(s) for s in lock.used}) == 2
    np.testing.assert_array_equal(losses, expected)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy(), mine.path)


def test_the_program_of_several_steps_is_compiled_ahead():
    model, schedule = build(events=[(4, 1)], together=2)
    lock = Watched(schedule)

    train(model, lock, steps=6)

    [ahead] = lock.started
    assert ahead.error is None
    assert lock.used == [ahead]


@thorough_on("jax")
def test_what_was_compiled_for_another_model_is_not_used():
    model, schedule = build()
    lock = Watched(schedule)

    class Change(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.target_fraction = 0.5

    losses = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["batch_loss"])
    )
    model.fit(
        clips(5),
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[record, lock, Change()],
    )

    [first, *_] = lock.started
    assert first.error is None
    assert first not in lock.used


def test_a_twin_that_cannot_be_built_stops_nothing():
    @keras.saving.register_keras_serializable("tests")
    class Unknown(MaskedAutoencoding):
        @classmethod
        def from_config(cls, config):
            raise RuntimeError("not this one")

    model, schedule = build(objective=Unknown())
    lock = Watched(schedule)
    with pytest.warns(UserWarning, match="in the background.*not this one"):
        losses = train(model, lock)

    assert lock.started == []
    assert np.isfinite(losses).all()
    assert lock.events == EVENTS


def test_a_schedule_that_grows_is_not_looked_ahead():
    model, _ = build()
    lock = Watched(ConvergedFreezeSchedule(max_frozen_layers=3))
    train(model, lock, 2)

    assert lock.started == []


@thorough_on("jax")
@pytest.mark.parametrize(
    "settings",
    [
        lambda: jax.default_matmul_precision("float32"),
        lambda: jax.enable_x64(True),
        lambda: keras.device("cpu:0"),
    ],
    ids=["precision", "x64", "device"],
)
def test_programs_of_a_run_under_settings_of_its_own_are_used(settings):
    with settings():
        model, schedule = build()
        lock = Watched(schedule)
        losses = train(model, lock)

    assert [s.error for s in lock.started] == [None, None]
    assert len({id(s) for s in lock.used}) == 2
    assert np.isfinite(losses).all()


def test_a_program_of_other_settings_is_not_used():
    model, schedule = build()
    lock = Watched(schedule)
    train(model, lock, 2)
    [first] = lock.started
    with jax.default_matmul_precision("float32"):
        train(model, lock, 2)

    assert first.error is None
    assert lock.events[0] == (3, 1)
    assert first not in lock.used


def test_the_next_stage_is_built_in_the_thread_that_trains():
    threads = []

    @keras.saving.register_keras_serializable("tests")
    class Noting(VJEPA):
        def __init__(self):
            super().__init__()
            threads.append(threading.current_thread())

        @classmethod
        def from_config(cls, config):
            return cls()

    model, schedule = build(objective=Noting(), mask=MultiBlockMask())
    lock = Watched(schedule)
    train(model, lock, 2)

    assert len(lock.started) == 1
    assert len(threads) > 1
    assert set(threads) == {threading.current_thread()}


def test_the_next_stage_takes_no_names_of_layers():
    model, schedule = build()
    before = keras.layers.Dense(1).name
    lock = Watched(schedule)
    train(model, lock, 2)

    number = int(before.partition("_")[2] or 0)
    assert len(lock.started) == 1
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"


def test_python_draws_no_other_random_numbers():
    keras.utils.set_random_seed(3)
    model, schedule = build()
    random.seed(5)
    expected = random.Random(5).random()
    lock = Watched(schedule)
    train(model, lock, 2)

    assert len(lock.started) == 1
    assert random.random() == expected
