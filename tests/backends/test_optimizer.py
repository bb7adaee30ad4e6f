"""An optimizer that is rebuilt keeps what it knew of the variables it keeps."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.backends import contract, optimizer as optimizer_state
from tests.core.freezing import dropped_gradients as freezing

SHAPES = {"first": (4, 3), "second": (3,), "third": (3, 4), "fourth": (4,)}
LEFT = ("second", "third")

OPTIMIZERS = {
    "adafactor": keras.optimizers.Adafactor,
    "adagrad": keras.optimizers.Adagrad,
    "adamax": keras.optimizers.Adamax,
    "adamw": keras.optimizers.AdamW,
    "amsgrad": lambda **k: keras.optimizers.Adam(amsgrad=True, **k),
    "ftrl": keras.optimizers.Ftrl,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
    "nadam": keras.optimizers.Nadam,
    "plain": keras.optimizers.SGD,
    "rmsprop": lambda **k: keras.optimizers.RMSprop(centered=True, **k),
    "sgd": lambda **k: keras.optimizers.SGD(momentum=0.9, **k),
}


@pytest.fixture
def variables():
    """Four variables, by name, with random values."""
    rng = np.random.default_rng(6)
    return {
        name: keras.Variable(
            rng.normal(size=shape).astype("float32"), name=name
        )
        for name, shape in SHAPES.items()
    }


def trained(optimizer, variables):
    """Builds an optimizer whose every number looks as if it had trained."""
    rng = np.random.default_rng(8)
    optimizer.build(list(variables.values()))
    for variable in optimizer.variables:
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(rng.uniform(1.0, 2.0, variable.shape))
        else:
            variable.assign(rng.integers(1, 99, variable.shape))
    return optimizer


def keep(optimizer, variables, names, fresh=()):
    optimizer_state.rebuild_optimizer(
        optimizer,
        [variables[name] for name in names],
        [variables[name] for name in fresh],
    )


def of(slots, names):
    """The slots of these variables, and the single values."""
    return {key: slots[key] for key in slots if key[1] in ("", *names)}


def assert_equal(slots, expected):
    assert slots.keys() == expected.keys()
    for key, value in expected.items():
        assert np.array_equal(slots[key], value), key


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_stays_keeps_its_state_exactly(name, variables):
    optimizer = trained(
        OPTIMIZERS[name](
            learning_rate=0.1, use_ema=True, gradient_accumulation_steps=2
        ),
        variables,
    )
    before = freezing.optimizer_slots(optimizer)

    keep(optimizer, variables, LEFT)

    assert_equal(freezing.optimizer_slots(optimizer), of(before, LEFT))


def test_it_tracks_nothing_of_what_left(variables):
    optimizer = trained(keras.optimizers.AdamW(0.1), variables)

    keep(optimizer, variables, LEFT)

    # Two slots per variable, the step and the learning rate.
    assert len(optimizer.variables) == 2 * len(LEFT) + 2


def test_it_is_smaller_by_the_slots_of_what_left(variables):
    optimizer = trained(keras.optimizers.AdamW(0.1), variables)
    before = contract.variable_bytes(optimizer.variables)

    keep(optimizer, variables, LEFT)

    gone = (4 * 3 + 4) * 2 * 4  # numbers, slots, bytes
    assert before - contract.variable_bytes(optimizer.variables) == gone


def test_the_order_of_the_variables_may_change(variables):
    optimizer = trained(keras.optimizers.AdamW(0.1), variables)
    before = freezing.optimizer_slots(optimizer)

    keep(optimizer, variables, ("fourth", "first"))

    assert_equal(
        freezing.optimizer_slots(optimizer), of(before, ("first", "fourth"))
    )


def test_what_is_new_starts_as_in_a_fresh_optimizer(variables):
    old = {name: variables[name] for name in LEFT}
    optimizer = trained(keras.optimizers.Adagrad(0.1), old)

    keep(optimizer, variables, (*LEFT, "first"))

    slots = freezing.optimizer_slots(optimizer)
    assert (slots["_accumulators", "first"] == np.float32(0.1)).all()


def test_a_new_moving_average_starts_at_the_value_of_its_variable(variables):
    old = {name: variables[name] for name in LEFT}
    optimizer = trained(keras.optimizers.SGD(0.1, use_ema=True), old)

    keep(optimizer, variables, (*LEFT, "first"))

    slots = freezing.optimizer_slots(optimizer)
    average = slots["_model_variables_moving_average", "first"]
    assert np.array_equal(average, variables["first"].numpy())


def test_a_fresh_variable_starts_anew_and_the_others_do_not(variables):
    optimizer = trained(keras.optimizers.AdamW(0.1), variables)
    before = freezing.optimizer_slots(optimizer)

    keep(optimizer, variables, LEFT, fresh=["third"])

    slots = freezing.optimizer_slots(optimizer)
    assert not slots["_momentums", "third"].any()
    assert not slots["_velocities", "third"].any()
    assert_equal(of(slots, ["second"]), of(before, ["second"]))


def test_the_average_of_a_fresh_variable_starts_at_its_value(variables):
    optimizer = trained(keras.optimizers.SGD(0.1, use_ema=True), variables)

    keep(optimizer, variables, LEFT, fresh=["third"])

    slots = freezing.optimizer_slots(optimizer)
    average = slots["_model_variables_moving_average", "third"]
    assert np.array_equal(average, variables["third"].numpy())


def test_an_inner_optimizer_and_its_loss_scale_keep_their_state(variables):
    inner = keras.optimizers.AdamW(0.1)
    optimizer = trained(keras.optimizers.LossScaleOptimizer(inner), variables)
    before = freezing.optimizer_slots(inner)
    scale = float(optimizer.dynamic_scale)
    counter = int(optimizer.step_counter)

    keep(optimizer, variables, LEFT)

    assert optimizer.inner_optimizer is inner
    assert_equal(freezing.optimizer_slots(inner), of(before, LEFT))
    assert float(optimizer.dynamic_scale) == scale
    assert int(optimizer.step_counter) == counter


def test_a_rebuilt_optimizer_updates_what_is_left(variables):
    optimizer = trained(keras.optimizers.SGD(0.5), variables)
    optimizer.learning_rate = 0.5
    keep(optimizer, variables, LEFT)
    before = {name: v.numpy().copy() for name, v in variables.items()}

    optimizer.apply([ops.ones(SHAPES[name]) for name in LEFT])

    for name, variable in variables.items():
        step = 0.5 if name in LEFT else 0.0
        np.testing.assert_allclose(
            variable.numpy(), before[name] - step, rtol=1e-6
        )


def test_what_does_not_decay_still_does_not(variables):
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["third"])
    optimizer.build(list(variables.values()))
    keep(optimizer, variables, LEFT)
    before = {name: v.numpy().copy() for name, v in variables.items()}

    optimizer.apply([ops.zeros(SHAPES[name]) for name in LEFT])

    assert np.array_equal(variables["third"].numpy(), before["third"])
    assert not np.array_equal(variables["second"].numpy(), before["second"])


def test_the_learning_rate_stays_what_it_was_set_to(variables):
    optimizer = trained(keras.optimizers.SGD(0.5), variables)
    optimizer.learning_rate = 0.25

    keep(optimizer, variables, LEFT)

    assert float(optimizer.learning_rate) == 0.25


def test_an_optimizer_that_splits_its_variables_is_refused(variables):
    optimizer = keras.optimizers.MultiOptimizer(
        keras.optimizers.SGD(0.1), keras.optimizers.AdamW(0.1)
    )

    with pytest.raises(ValueError, match="splits its variables.*MultiOptimi"):
        keep(optimizer, variables, LEFT)


@pytest.mark.parametrize(
    "beta, weights, is_refused",
    [
        (0.999, "bfloat16", True),
        (0.95, "bfloat16", False),
        (0.999, "float32", False),
    ],
)
def test_an_adam_that_would_change_nothing_is_refused(
    beta, weights, is_refused
):
    weight = keras.Variable(np.ones(3), dtype=weights)
    optimizer = keras.optimizers.AdamW(0.1, beta_2=beta, weight_decay=0.0)
    optimizer.apply([ops.ones(3, dtype=weights)], [weight])

    moved = (ops.convert_to_numpy(ops.cast(weight, "float32")) != 1.0).all()
    assert moved != is_refused
    if not is_refused:
        optimizer_state.check_optimizer(optimizer)
        return
    with pytest.raises(ValueError, match="does not change bfloat16.*mixed_bf"):
        optimizer_state.check_optimizer(optimizer)


def test_state_that_is_not_understood_is_refused_and_left_alone(variables):
    class Strange(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.hidden = {"a": self.add_variable(shape=(), name="strange")}

    optimizer = trained(Strange(0.1, momentum=0.9), variables)
    before = freezing.optimizer_slots(optimizer)

    with pytest.raises(ValueError, match="Strange with other state.*strange"):
        keep(optimizer, variables, LEFT)

    assert_equal(freezing.optimizer_slots(optimizer), before)


def test_an_optimizer_that_cannot_be_built_again_is_left_alone(variables):
    class Once(keras.optimizers.AdamW):
        builds = 0

        def build(self, variables):
            super().build(variables)
            self.builds += 1
            if self.builds == 2:
                raise MemoryError("no room for the slots")

    optimizer = trained(
        Once(0.1, use_ema=True, gradient_accumulation_steps=2), variables
    )
    before = freezing.optimizer_slots(optimizer)
    objects = [id(variable) for variable in optimizer.variables]

    with pytest.raises(MemoryError, match="no room"):
        keep(optimizer, variables, LEFT)

    assert_equal(freezing.optimizer_slots(optimizer), before)
    assert [id(variable) for variable in optimizer.variables] == objects
    gradients = [ops.ones(shape) for shape in SHAPES.values()]
    optimizer.apply(gradients, list(variables.values()))


def addresses(variables):
    """Where the values lie; no place may be given away twice."""
    if keras.backend.backend() == "jax":
        return [v.value.unsafe_buffer_pointer() for v in variables]
    return [v.value.data_ptr() for v in variables]


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="a variable of TensorFlow never shares its memory",
)
def test_no_two_variables_share_their_memory(variables):
    old = {name: variables[name] for name in LEFT}
    optimizer = trained(keras.optimizers.AdamW(0.1, use_ema=True), old)

    keep(optimizer, variables, SHAPES, fresh=["third"])

    found = addresses([*variables.values(), *optimizer.variables])
    assert len(set(found)) == len(found)


def test_the_logged_norm_of_accumulated_gradients_is_that_of_the_update():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(1.0, gradient_accumulation_steps=2))
    before = [variable.numpy() for variable in model.trainable_variables]
    norms = []
    keep_norm = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: norms.append(logs["grad_norm"])
    )

    model.fit(
        freezing.clips(2),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[keep_norm],
    )

    change = sum(
        np.sum(np.square(variable.numpy() - start))
        for variable, start in zip(
            model.trainable_variables, before, strict=True
        )
    )
    assert float(norms[-1]) == pytest.approx(np.sqrt(change), rel=1e-3)
