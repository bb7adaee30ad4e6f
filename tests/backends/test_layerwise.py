"""Each layer learns at a rate of its own, as a plain AdamW at that rate."""

import keras
import numpy as np
import pytest

import layerlock
from tests.core.freezing import dense
from tests.marks import thorough_on

RATES = {"fast": 1.0, "slow": 0.25}


def variables():
    """One variable per rate; the bias does not decay."""
    rng = np.random.default_rng(0)
    return {
        name: keras.Variable(
            rng.normal(size=(3, 2)), name=name, dtype="float32"
        )
        for name in (*RATES, "bias")
    }


def gradients(number):
    rng = np.random.default_rng(number)
    return [
        keras.ops.convert_to_tensor(rng.normal(size=(3, 2)), "float32")
        for _ in range(3)
    ]


def train(optimizer, trained, steps=4):
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(list(trained.values()))
    for number in range(steps):
        optimizer.apply(gradients(number), list(trained.values()))
    return {k: keras.ops.convert_to_numpy(v) for k, v in trained.items()}


@pytest.mark.parametrize("accumulation", [None, 2])
def test_every_variable_moves_as_under_adamw_at_its_own_rate(accumulation):
    arguments = {
        "weight_decay": 0.1,
        "gradient_accumulation_steps": accumulation,
        "global_clipnorm": 1.0,
    }
    trained = variables()
    multipliers = {trained[name].path: RATES[name] for name in RATES}
    optimizer = layerlock.LayerwiseAdamW(
        0.1, multipliers=multipliers, **arguments
    )

    found = train(optimizer, trained)

    for name, factor in {**RATES, "bias": 1.0}.items():
        plain = keras.optimizers.AdamW(0.1 * factor, **arguments)
        expected = train(plain, variables())[name]
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)


@thorough_on("tensorflow")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_layer_that_freezes_leaves_the_others_at_their_rates():
    _, layers = dense.build_model(keras.optimizers.AdamW, dtype="float32")
    multipliers = layerlock.layer_multipliers(layers, 0.5)

    def optimizer():
        return layerlock.LayerwiseAdamW(
            0.01, weight_decay=0.1, multipliers=multipliers
        )

    arguments = (optimizer, [(2, 1), (3, 3)], 5)
    frozen, frozen_losses = dense.train_frozen(*arguments, dtype="float32")
    reference, losses = dense.train_reference(*arguments, dtype="float32")

    np.testing.assert_allclose(frozen_losses, losses, rtol=1e-5)
    for one, other in zip(frozen.weights, reference.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one),
            keras.ops.convert_to_numpy(other),
            rtol=1e-4,
            atol=1e-6,
        )


def test_the_last_layer_has_the_full_rate_and_lower_ones_less():
    _, layers = dense.build_model(keras.optimizers.AdamW, dtype="float32")
    bottom, *above = layers

    found = layerlock.layer_multipliers([(bottom, above[0]), *above[1:]], 0.5)

    assert found == {
        f"dense/dense_{number}/{part}": value
        for number, value in enumerate([0.125, 0.125, 0.25, 0.5, 1.0])
        for part in ("kernel", "bias")
    }


def test_it_can_be_saved():
    optimizer = layerlock.LayerwiseAdamW(
        layerlock.WarmupCosine(0.1, 10),
        multipliers={"a/kernel": 0.5},
        global_clipnorm=1.0,
    )

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )

    assert isinstance(again, layerlock.LayerwiseAdamW)
    assert again.multipliers == {"a/kernel": 0.5}
    assert again.get_config() == optimizer.get_config()


def test_mistakes_are_refused():
    for decay in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            layerlock.layer_multipliers([], decay)
    with pytest.raises(ValueError, match="not negative"):
        layerlock.LayerwiseAdamW(multipliers={"a": -1.0})
