"""How well a regression predicts rows that it has not seen."""

import numpy as np
import pytest

from layerlock.core.monitoring import ridge

GROUPS = np.arange(400) // 4


def drawn(noise=0.0, seed=0):
    """Features, and values that are linear in them but for noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(400, 8))
    y = x @ random.normal(size=(8, 3)) + 2.0
    return x, y + noise * random.normal(size=y.shape)


def test_what_is_linear_is_predicted():
    assert ridge.explained_variance(*drawn(), GROUPS) == pytest.approx(
        1.0, abs=1e-4
    )


def test_noise_is_not_predicted():
    x, y = drawn()
    noise = np.random.default_rng(1).normal(size=x.shape)

    assert ridge.explained_variance(noise, y, GROUPS) == pytest.approx(
        0.0, abs=0.1
    )


def test_it_is_the_penalty_of_scikit_learn_that_is_best_in_cross_validation():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = drawn(noise=2.0)
    seen = GROUPS % 2 == 0
    scaled = (x - x[seen].mean(axis=0)) / x[seen].std(axis=0)
    centred = y - y[seen].mean(axis=0)
    squares = np.linalg.svd(scaled[seen], compute_uv=False) ** 2
    model = linear_model.RidgeCV(
        ridge.PENALTIES * squares.mean(), fit_intercept=False
    ).fit(scaled[seen], centred[seen])
    rest = centred[~seen] - model.predict(scaled[~seen])
    expected = 1 - (rest**2).sum() / (centred[~seen] ** 2).sum()

    assert ridge.explained_variance(x, y, GROUPS) == pytest.approx(
        expected, abs=1e-3
    )


def test_more_features_than_rows_are_no_fault():
    x, y = drawn()
    wide = np.random.default_rng(2).normal(size=(400, 500))

    value = ridge.explained_variance(np.hstack([x, wide]), y, GROUPS)

    assert -0.2 < value < 1.0


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_features_that_are_not_finite_have_no_answer(broken):
    x, y = drawn()
    x[3, 2] = broken

    assert np.isnan(ridge.explained_variance(x, y, GROUPS))


def test_a_constant_has_nothing_to_predict():
    x, y = drawn()

    assert np.isnan(ridge.explained_variance(x, np.ones_like(y), GROUPS))
