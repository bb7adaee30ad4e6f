"""SIGReg, against NumPy and against what it must tell apart."""

import numpy as np
import pytest
from keras import ops

from layerlock import backends
from layerlock.core.pretraining import sigreg
from tests.reference import sigreg as reference


def array(x):
    return ops.convert_to_numpy(x)


def statistic(embeddings, num_slices=64, **arguments):
    directions = sigreg.directions(num_slices, embeddings.shape[-1], 3, 5)
    embeddings = ops.convert_to_tensor(embeddings.astype("float32"))
    return float(sigreg.sigreg(embeddings, directions, **arguments))


def gaussian(*shape):
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("seed, batch_index", [(0, 0), (2**40 + 7, 12)])
def test_directions_equal_the_reference(seed, batch_index):
    found = sigreg.directions(9, 6, seed, ops.convert_to_tensor(batch_index))
    expected = reference.directions(9, 6, seed, batch_index)

    np.testing.assert_allclose(array(found), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(array(found), axis=1), 1, rtol=1e-5
    )


def test_directions_favour_none():
    found = array(sigreg.directions(4000, 5, 0, 0))

    assert np.abs(found.mean(axis=0)).max() < 0.03
    np.testing.assert_allclose(
        found.T @ found / len(found), np.eye(5) / 5, atol=0.02
    )


def test_every_batch_and_seed_has_its_own_directions():
    first, *others = (
        array(sigreg.directions(3, 4, seed, batch))
        for seed, batch in ((0, 0), (0, 1), (1, 0))
    )

    for other in others:
        assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize(
    "arguments", [{}, {"num_knots": 9, "last_knot": 5.0}], ids=str
)
def test_the_statistic_equals_the_reference(arguments):
    embeddings = 0.7 * gaussian(3, 10, 6) + 0.4

    found = statistic(embeddings, num_slices=8, **arguments)

    expected = reference.sigreg(
        embeddings, reference.directions(8, 6, 3, 5), **arguments
    )
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: 0 * x,
        lambda x: 0.3 * x,
        lambda x: 3 * x,
        lambda x: x + 1,
        lambda x: x * [1, 0, 0, 0],
        lambda x: x[..., :1] * [0.5, 0.5, 0.5, 0.5],
        lambda x: np.sign(x[..., :1]) * [2.0, 0, 0, 0] + 0.1 * x,
    ],
    ids=["point", "narrow", "wide", "moved", "axis", "line", "clusters"],
)
def test_what_is_not_an_isotropic_gaussian_is_told_from_one(change):
    embeddings = gaussian(1, 256, 4)

    assert statistic(change(embeddings)) > 3 * statistic(embeddings)


def test_it_grows_with_the_clips_unless_they_are_gaussian():
    few, many = 0.3 * gaussian(1, 64, 4), 0.3 * gaussian(1, 256, 4)
    assert statistic(many) == pytest.approx(4 * statistic(few), rel=0.1)

    few, many = gaussian(1, 64, 4), gaussian(1, 256, 4)
    assert statistic(many) < 2 * statistic(few)


def test_parts_of_a_batch_give_the_statistic_of_the_whole(monkeypatch):
    embeddings = 0.5 * gaussian(2, 8, 4)
    whole = statistic(embeddings)
    parts = np.split(embeddings, 2, axis=1)
    seen = []

    def record(mean):
        seen.append(mean)
        return mean

    monkeypatch.setattr(backends, "global_size", lambda rows: 2 * rows)
    monkeypatch.setattr(backends, "global_mean", record)
    statistic(parts[1])
    others = iter(list(seen))
    monkeypatch.setattr(
        backends, "global_mean", lambda mean: 0.5 * (mean + next(others))
    )

    assert statistic(parts[0]) == pytest.approx(whole, rel=1e-5)
