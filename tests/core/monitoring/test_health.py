"""Health of features, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.monitoring import health


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def features(shape=(3, 5, 12), seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(3.0, 2.0, shape).astype("float32")


def moments(rows):
    return rows.T @ rows / len(rows)


def rank_of(rows):
    """Effective rank by the definition, from singular values."""
    singular_values = np.linalg.svd(rows, compute_uv=False)
    shares = singular_values / singular_values.sum()
    shares = shares[shares > 0]
    return np.exp(-np.sum(shares * np.log(shares)))


@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
def test_normalize_is_a_layer_norm_without_parameters(epsilon):
    x = features()
    mean = x.mean(-1, keepdims=True)
    expected = (x - mean) / np.sqrt(x.var(-1, keepdims=True) + epsilon)

    normalized = array(health.normalize(ops.convert_to_tensor(x), epsilon))

    np.testing.assert_allclose(normalized, expected, rtol=1e-5, atol=1e-6)


def test_normalize_of_a_constant_vector_is_zero():
    x = ops.full((2, 3, 8), 7.0)

    assert not array(health.normalize(x)).any()


def test_spread_is_the_deviation_over_clips_and_tokens():
    x = features()

    spread = array(health.spread(ops.convert_to_tensor(x)))

    expected = x.reshape(-1, 12).std(axis=0).mean()
    np.testing.assert_allclose(spread, expected, rtol=1e-5)


def test_spread_of_collapsed_features_is_zero():
    token = features((1, 1, 12))
    x = np.broadcast_to(token, (3, 5, 12))

    spread = array(health.spread(ops.convert_to_tensor(x)))

    np.testing.assert_allclose(spread, 0.0, atol=1e-6)


def test_spread_of_healthy_normalized_features_is_about_one():
    x = health.normalize(ops.convert_to_tensor(features((20, 30, 16))))

    assert 0.9 < array(health.spread(x)) <= 1.0


@pytest.mark.parametrize("monitor", [health.normalize, health.spread])
def test_half_precision_is_computed_in_float32(monitor):
    x = ops.cast(ops.convert_to_tensor(features()), "bfloat16")

    result = monitor(x)

    assert keras.backend.standardize_dtype(result.dtype) == "float32"


def test_second_moments_are_the_mean_outer_product():
    x = features()

    found = array(health.second_moments(ops.convert_to_tensor(x)))

    np.testing.assert_allclose(found, moments(x.reshape(-1, 12)), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "every"),
    [((3, 341, 4), 1), ((3, 500, 4), 2), ((2000, 2, 4), 4)],
)
def test_second_moments_are_those_of_some_tokens_of_every_clip(shape, every):
    x = features(shape)

    found = array(health.second_moments(ops.convert_to_tensor(x)))

    rows = x[:, ::every].reshape(-1, 4)
    np.testing.assert_allclose(found, moments(rows), rtol=1e-4)


def test_effective_rank_is_that_of_the_singular_values():
    rows = features((64, 12)) * np.geomspace(1.0, 1e-2, 12)

    rank = health.effective_rank(moments(rows))

    assert rank == pytest.approx(rank_of(rows), rel=1e-6)


def test_effective_rank_counts_directions_of_equal_use():
    moment = np.diag([2.0] * 5 + [0.0] * 7)

    assert health.effective_rank(moment) == pytest.approx(5.0)


def test_effective_rank_does_not_depend_on_scale():
    moment = moments(features((64, 12)))

    assert health.effective_rank(100 * moment) == pytest.approx(
        health.effective_rank(moment)
    )


@pytest.mark.parametrize("width", [12, 384])
def test_collapsed_features_have_rank_one(width):
    token = health.normalize(ops.convert_to_tensor(features((1, 1, width))))
    collapsed = ops.broadcast_to(token, (4, 60, width))

    moment = array(health.second_moments(collapsed))

    assert health.effective_rank(moment) == pytest.approx(1.0, abs=0.1)


def test_features_that_are_all_zero_have_rank_one():
    assert health.effective_rank(np.zeros((6, 6), "float32")) == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_have_no_rank(value):
    moment = np.eye(6)
    moment[2, 3] = value

    assert np.isnan(health.effective_rank(moment))
