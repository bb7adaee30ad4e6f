"""The formulas of masked auto-encoding, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from tests.core.freezing import dropped_gradients as freezing

STAGES = range(5)


def values(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(3.0, 2.0, (2, 4, 10)).astype("float32")


def targets(objective, layer):
    return ops.convert_to_numpy(
        objective.compute_targets(ops.convert_to_tensor(values()), layer)
    )


def normalized(x, epsilon):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(-1, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [(0,), (1,), (2,), (3,), (4,)]),
        ({"target": "pixels"}, [(0,)] * 5),
        ({"target_lag": 2}, [(0,), (0,), (0,), (1,), (2,)]),
        (
            {"all_targets": True},
            [(0,), (0, 1), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3, 4)],
        ),
        (
            {"all_targets": True, "target_lag": 3},
            [(0,), (0,), (0,), (0,), (0, 1)],
        ),
    ],
)
def test_the_target_follows_the_newest_frozen_layer(arguments, expected):
    objective = MaskedAutoencoding(**arguments)

    assert [objective.target_layers(k) for k in STAGES] == expected


def test_every_earlier_target_has_a_head_of_its_own():
    assert MaskedAutoencoding(all_targets=True).max_latent_targets(4) == 4


def test_one_head_serves_every_newest_target():
    assert MaskedAutoencoding().max_latent_targets(4) == 1


@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
@pytest.mark.parametrize("layer", [0, 3])
def test_targets_are_normalized_token_by_token(layer, epsilon):
    objective = MaskedAutoencoding(epsilon=epsilon)

    np.testing.assert_allclose(
        targets(objective, layer),
        normalized(values(), epsilon),
        rtol=1e-4,
        atol=1e-6,
    )


def test_pixels_alone_can_stay_as_they_are():
    objective = MaskedAutoencoding(normalize_pixels=False)

    assert np.array_equal(targets(objective, 0), values())
    assert not np.array_equal(targets(objective, 1), values())


def test_latents_alone_can_stay_as_they_are():
    objective = MaskedAutoencoding(normalize_latents=False)

    assert np.array_equal(targets(objective, 1), values())
    assert not np.array_equal(targets(objective, 0), values())


def test_the_error_is_the_square_of_the_difference():
    predictions, truth = values(1), values(2)

    error = MaskedAutoencoding().token_error(
        ops.convert_to_tensor(predictions), ops.convert_to_tensor(truth)
    )

    np.testing.assert_allclose(
        ops.convert_to_numpy(error), (predictions - truth) ** 2, rtol=1e-5
    )


def test_a_negative_lag_puts_the_target_ahead():
    objective = MaskedAutoencoding(target_lag=-1)

    assert [objective.target_layers(k) for k in range(3)] == [(1,), (2,), (3,)]


def test_an_unknown_target_is_refused():
    with pytest.raises(ValueError, match="target='teacher'"):
        MaskedAutoencoding(target="teacher")


def test_an_unknown_predictor_is_refused():
    with pytest.raises(ValueError, match="predictor='linear'"):
        MaskedAutoencoding(predictor="linear")


def test_pixels_are_normalized_by_colour_as_those_of_videomae():
    objective = MaskedAutoencoding(normalize_pixels="channels")
    patches = np.random.default_rng(0).normal(3.0, 2.0, (2, 4, 30))
    patches *= np.tile([1.0, 5.0, 0.2], 10)
    patches = patches.astype("float32")

    found = objective.compute_targets(ops.convert_to_tensor(patches), 0)
    undone = objective.undo_targets(found, ops.convert_to_tensor(patches), 0)

    colours = patches.reshape(2, 4, 10, 3)
    expected = colours - colours.mean(2, keepdims=True)
    expected /= np.sqrt(colours.var(2, keepdims=True) + 1e-6)
    found = ops.convert_to_numpy(found)
    np.testing.assert_allclose(
        found, expected.reshape(2, 4, 30), rtol=1e-4, atol=1e-5
    )
    undone = ops.convert_to_numpy(undone)
    np.testing.assert_allclose(undone, patches, rtol=1e-4, atol=1e-4)


def test_an_unknown_normalisation_of_pixels_is_refused():
    with pytest.raises(ValueError, match="'channels'. Received: .*'rows'"):
        MaskedAutoencoding(normalize_pixels="rows")


def test_latents_that_are_not_normalized_are_compared_in_float32():
    objective = MaskedAutoencoding(normalize_latents=False)
    model = freezing.build_model(objective=objective, dtype="mixed_bfloat16")
    model.compile(keras.optimizers.SGD(0.01))
    lock = LayerLock(PiecewiseFreezeSchedule([(1, 1)]))

    history = model.fit(
        freezing.clips(2),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[lock],
    )

    assert np.isfinite(history.history["loss"]).all()
