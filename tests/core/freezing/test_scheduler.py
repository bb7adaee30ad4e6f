"""Layers freeze, in any model, and what froze stays as it was."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import (
    LinearFreezeSchedule,
    NeverFreezeSchedule,
    PiecewiseFreezeSchedule,
)
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

BACKEND = keras.backend.backend()


class Recorder(keras.callbacks.Callback):
    """Keeps the weights at every batch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        backends.sync_state(self.model)
        self.weights.append(freezing.weights(self.model))


def sequential(num_layers=4):
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Dense(6, activation="tanh", name=f"dense_{i}")
        for i in range(num_layers)
    ]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(keras.optimizers.AdamW(1e-2, weight_decay=0.1), loss="mse")
    return model, layers


def numbers(num_batches, batch_size=4):
    rng = np.random.default_rng(5)
    shape = (num_batches * batch_size, 6)
    return rng.normal(size=shape).astype("float32")


def test_frozen_weights_are_bit_identical_from_the_event_on():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2, weight_decay=0.1))
    record = Recorder()
    lock = LayerLock(PiecewiseFreezeSchedule([(2, 1), (4, 3)]))

    model.fit(
        freezing.clips(7), batch_size=4, verbose=0, callbacks=[record, lock]
    )

    for event, layers in ((2, range(1)), (4, range(3))):
        for layer in layers:
            for variable in keras.tree.flatten(
                [part.variables for part in model.freezable_layers[layer]]
            ):
                path = variable.path
                at_event = record.weights[event - 1][path]
                for later in record.weights[event:]:
                    assert np.array_equal(later[path], at_event), path
    moving = model.encoder.blocks[3].variables[2].path
    assert not np.array_equal(
        record.weights[-1][moving], record.weights[-2][moving]
    )


@thorough_on("tensorflow")
def test_the_optimizer_holds_nothing_for_frozen_variables():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2))
    lock = LayerLock(PiecewiseFreezeSchedule([(2, 2)]))

    model.fit(freezing.clips(4), batch_size=4, verbose=0, callbacks=[lock])

    held = {path for _, path in freezing.optimizer_slots(model.optimizer)}
    assert held - {""} == {v.path for v in model.trainable_variables}
    assert not any("block_1/" in path or "block_2/" in path for path in held)
    assert not any("patch_embedding" in path for path in held)


def test_the_optimizer_stays_the_same_object_and_goes_on_counting():
    model, layers = sequential()
    optimizer = model.optimizer
    lock = LayerLock(PiecewiseFreezeSchedule([(2, 1)]), layers=layers[:2])

    x = numbers(5)
    model.fit(x, x, batch_size=4, verbose=0, callbacks=[lock])

    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == 5


def test_layers_of_any_model_freeze_with_its_head_left_alone():
    model, layers = sequential()
    record = Recorder()
    lock = LayerLock(
        LinearFreezeSchedule(2, 1, max_frozen_layers=2), layers=layers[:2]
    )

    x = numbers(6)
    model.fit(x, x, batch_size=4, verbose=0, callbacks=[record, lock])

    first, last = record.weights[2], record.weights[-1]
    for path in first:
        frozen = "dense_0" in path or "dense_1" in path
        assert np.array_equal(first[path], last[path]) == frozen, path
    assert lock.events == [(2, 1), (3, 2)]


def test_what_a_user_froze_stays_frozen():
    model, layers = sequential()
    layers[2].trainable = False
    model.compile(keras.optimizers.SGD(1e-2), loss="mse")
    before = layers[2].kernel.numpy().copy()
    lock = LayerLock(PiecewiseFreezeSchedule([(2, 1)]), layers=layers[:2])

    x = numbers(5)
    model.fit(x, x, batch_size=4, verbose=0, callbacks=[lock])

    assert not layers[2].trainable
    assert np.array_equal(layers[2].kernel.numpy(), before)


@thorough_on("tensorflow")
def test_it_works_alone_in_a_loop_of_ones_own():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2))
    scheduler = FreezeScheduler(PiecewiseFreezeSchedule([(2, 1)]), model)
    froze = []

    for step, batch in enumerate(np.split(freezing.clips(4), 4), start=1):
        model.train_on_batch(batch)
        froze.append(scheduler.update(step))

    assert froze == [False, True, False, False]
    assert scheduler.frozen_layers == 1
    assert model.target_layers == (1,)


def test_equal_shapes_are_not_mixed_up_after_an_interrupt():
    """Old values must not be written back into the shorter list."""
    model, layers = sequential()

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    record = Recorder()
    lock = LayerLock(PiecewiseFreezeSchedule([(3, 1)]), layers=layers[:2])
    x = numbers(6)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            x,
            x,
            batch_size=4,
            verbose=0,
            callbacks=[record, lock, Interrupt()],
        )

    after = freezing.weights(model)
    for path, value in record.weights[-1].items():
        assert np.array_equal(after[path], value), path


@thorough_on("tensorflow")
def test_a_reset_head_starts_anew_in_weights_and_statistics():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2))
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model, head_reset=True)
    head = model.predictor.latent_heads[0]
    scheduler.freeze(1)
    for batch in np.split(freezing.clips(3), 3):
        model.train_on_batch(batch)
    trained = head.kernel.numpy().copy()

    scheduler.freeze(2)

    slots = freezing.optimizer_slots(model.optimizer)
    assert not np.array_equal(head.kernel.numpy(), trained)
    assert not np.any(slots["_momentums", head.kernel.path])
    assert np.any(
        slots["_momentums", model.encoder.blocks[3].variables[2].path]
    )


def test_one_head_is_live_and_the_other_holds_no_slots():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2))
    pixels = model.predictor.pixel_head
    latents = model.predictor.latent_heads[0]
    assert (pixels.trainable, latents.trainable) == (True, False)

    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    scheduler.freeze(1)

    assert (pixels.trainable, latents.trainable) == (False, True)


def test_too_many_layers_are_refused_before_training():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-2))
    with pytest.raises(ValueError, match="up to 4 layers, but only 3"):
        FreezeScheduler(LinearFreezeSchedule(1, 1, 1, 4), model)


def test_a_model_that_does_not_know_its_layers_is_told_to_name_them():
    model, _ = sequential()
    with pytest.raises(ValueError, match="layers="):
        FreezeScheduler(NeverFreezeSchedule(), model)


def test_a_new_scheduler_goes_on_from_the_stage_of_the_model():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(0.1))
    FreezeScheduler(PiecewiseFreezeSchedule([(1, 2)]), model).update(1)

    again = FreezeScheduler(PiecewiseFreezeSchedule([(1, 1), (5, 3)]), model)

    assert again.frozen_layers == 2
    assert not again.update(1)
    assert model.frozen_layers == 2
    assert again.update(5)
    assert model.frozen_layers == again.frozen_layers == 3
    with pytest.raises(ValueError, match="never thaw"):
        model.enter_stage(1)


def test_layers_of_a_model_that_knows_its_own_are_refused():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(0.1))

    with pytest.raises(ValueError, match="Leave `layers` out"):
        FreezeScheduler(
            PiecewiseFreezeSchedule([(1, 1)]),
            model,
            layers=[model.encoder.blocks[3]],
        )


def test_a_target_that_would_move_later_is_refused_before_training():
    model = freezing.build_model(
        objective=MaskedAutoencoding(target_lag=0, all_targets=False)
    )
    model.objective.target_layers = lambda frozen: (frozen + (frozen > 1),)
    model.compile(keras.optimizers.SGD(0.1))

    with pytest.raises(ValueError, match="would move with the encoder"):
        FreezeScheduler(PiecewiseFreezeSchedule([(1, 1), (2, 2)]), model)


def test_thawing_is_refused():
    model, layers = sequential()
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model, layers)
    scheduler.freeze(2)
    with pytest.raises(ValueError, match="never thaw"):
        scheduler.freeze(1)


def test_an_optimizer_with_unknown_state_is_refused_and_left_alone():
    class Strange(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.hidden = {"a": self.add_variable(shape=(), name="strange")}

    model, layers = sequential()
    model.compile(Strange(1e-2), loss="mse")
    lock = LayerLock(PiecewiseFreezeSchedule([(1, 1)]), layers=layers[:2])
    x = numbers(2)
    with pytest.raises(ValueError, match="strange"):
        model.fit(x, x, batch_size=4, verbose=0, callbacks=[lock])
    assert all(layer.trainable for layer in layers)


class Once(keras.optimizers.SGD):
    """An optimizer that can be built once."""

    def build(self, variables):
        if self._trainable_variables:
            raise RuntimeError("built before")
        super().build(variables)


def test_a_model_is_left_alone_if_its_optimizer_cannot_be_built_again():
    model, layers = sequential()
    model.compile(Once(1e-2, momentum=0.9), loss="mse")
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model, layers[:2])
    x = numbers(2)
    model.train_on_batch(x, x)

    with pytest.raises(RuntimeError, match="built before"):
        scheduler.freeze(1)

    assert scheduler.frozen_layers == 0
    assert all(layer.trainable for layer in layers)
    model.train_on_batch(x, x)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"objective": "vjepa", "mask": None}],
    ids=["mae", "vjepa"],
)
def test_an_optimizer_is_checked_before_the_model_changes(arguments):
    model = freezing.build_model(**arguments)
    model.compile(keras.optimizers.SGD(0.1))
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    strange = keras.optimizers.SGD(0.1)
    strange.build(model.trainable_variables)
    strange.hidden = {"a": strange.add_variable(shape=(), name="strange")}
    model.optimizer = strange
    before = state_of(model)

    with pytest.raises(ValueError, match="strange"):
        scheduler.freeze(2)

    assert state_of(model) == before


def test_a_stage_is_not_entered_if_the_optimizer_cannot_be_built_again():
    model = freezing.build_model(objective="vjepa", mask=None)
    model.compile(Once(0.1))
    model.optimizer.build(model.trainable_variables)
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    before = state_of(model)

    with pytest.raises(RuntimeError, match="built before"):
        scheduler.freeze(2)

    assert state_of(model) == before
    assert scheduler.frozen_layers == 0


def state_of(model):
    return (
        model.frozen_layers,
        model.target_layers,
        [variable.trainable for variable in model.variables],
        [id(block) for block in getattr(model.teacher, "blocks", ())],
    )


def test_a_stage_is_checked_before_the_model_changes():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(0.1))
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    before = state_of(model)
    model.objective.target_layers = lambda frozen: (frozen + 1,)

    with pytest.raises(ValueError, match="would move with the encoder"):
        scheduler.freeze(1)

    assert state_of(model) == before
