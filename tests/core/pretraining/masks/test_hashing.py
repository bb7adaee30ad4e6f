"""Tests of the stateless random orders behind the masks."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.masks import _hashing
from tests.compiled import parametrize_compiler
from tests.reference import hashing as reference


def draw(*args, **kwargs):
    return ops.convert_to_numpy(_hashing.permutation_keys(*args, **kwargs))


def ranks(*args, **kwargs):
    return np.argsort(draw(*args, **kwargs), axis=1)


@parametrize_compiler
@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 7, 2**63, 2**64 - 1])
@pytest.mark.parametrize("batch_index", [0, 1, 123_456, 2**31 - 1])
def test_keys_equal_the_reference_in_every_mode(run, seed, batch_index):
    keys = run(
        lambda b: _hashing.permutation_keys(3, 50, seed, b, stream=2),
        batch_index,
    )

    expected = reference.permutation_keys(3, 50, seed, batch_index, stream=2)
    assert keys.dtype == "int32"
    np.testing.assert_array_equal(keys, expected)


@pytest.mark.parametrize("batch_index", [5, np.int64(5)])
def test_a_batch_index_may_be_a_plain_number(batch_index):
    np.testing.assert_array_equal(
        draw(2, 9, 3, batch_index), reference.permutation_keys(2, 9, 3, 5)
    )


def test_the_keys_of_a_row_are_distinct():
    keys = draw(4, 100_000, seed=1, batch_index=2)

    for row in keys:
        assert len(np.unique(row)) == 100_000


def test_every_bit_of_the_keys_is_set_half_of_the_time():
    bits = np.unpackbits(draw(64, 1024, seed=3, batch_index=4).view("uint8"))

    shares = bits.reshape(-1, 32).mean(axis=0)

    np.testing.assert_allclose(shares, 0.5, atol=0.01)


def test_every_element_is_equally_often_at_every_place():
    num, batch_size = 8, 20_000

    order = ranks(batch_size, num, seed=0, batch_index=0)

    counts = np.stack([np.bincount(place) for place in order.T])
    expected = batch_size / num
    chi_square = ((counts - expected) ** 2 / expected).sum()
    # 49 degrees of freedom: a fair shuffle exceeds 85.4 once in 1000 times.
    assert chi_square < 85.4


def test_every_permutation_is_equally_likely():
    batch_size = 24_000

    order = ranks(batch_size, 4, seed=5, batch_index=6)

    _, counts = np.unique(order @ [64, 16, 4, 1], return_counts=True)
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert len(counts) == 24
    assert chi_square < 49.7  # 23 degrees of freedom, once in 1000


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"seed": 2**32},
        {"batch_index": 1},
        {"stream": 1},
        {"batch_index": 1, "seed": 1},
    ],
)
def test_other_seeds_batches_and_streams_are_uncorrelated(other):
    arguments = {"seed": 0, "batch_index": 0, "stream": 0}
    places = np.argsort(ranks(256, 256, **arguments), axis=1)
    others = np.argsort(ranks(256, 256, **arguments | other), axis=1)

    correlation = np.corrcoef(places.ravel(), others.ravel())[0, 1]

    assert abs(correlation) < 4 / np.sqrt(256 * 256)


def test_the_rows_of_a_batch_are_uncorrelated():
    places = np.argsort(ranks(64, 2048, seed=0, batch_index=0), axis=1)

    correlations = np.corrcoef(places)[np.triu_indices(64, k=1)]

    assert np.abs(correlations).max() < 5 / np.sqrt(2048)
    np.testing.assert_allclose(correlations.std(), 2048**-0.5, rtol=0.1)


def test_neighbouring_elements_are_uncorrelated():
    places = np.argsort(ranks(256, 256, seed=0, batch_index=0), axis=1)

    for distance in (1, 2, 7, 16):
        correlation = np.corrcoef(
            places[:, :-distance].ravel(), places[:, distance:].ravel()
        )[0, 1]
        assert abs(correlation + 1 / 256) < 4 / 256


def test_a_row_does_not_depend_on_the_size_of_the_batch():
    np.testing.assert_array_equal(draw(2, 9, 1, 1), draw(7, 9, 1, 1)[:2])


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed={seed}"):
        draw(1, 4, seed, 0)


def test_a_prefix_of_a_shuffle_has_distinct_members_of_each_row():
    indices = np.stack([np.arange(100), np.arange(100, 200)]).astype("int32")

    subset = _hashing.shuffle(
        ops.convert_to_tensor(indices), seed=0, batch_index=0
    )[:, :30]

    subset = ops.convert_to_numpy(subset)
    assert subset.shape == (2, 30)
    for row, members in zip(subset, indices, strict=True):
        assert len(set(row)) == 30
        assert set(row) < set(members)


def test_every_column_is_equally_often_in_a_prefix_of_a_shuffle():
    indices = np.tile(np.arange(10, dtype="int32"), (5000, 1))

    subset = _hashing.shuffle(
        ops.convert_to_tensor(indices), seed=0, batch_index=0
    )[:, :3]

    counts = np.bincount(ops.convert_to_numpy(subset).ravel())
    np.testing.assert_allclose(counts, 1500, atol=5 * np.sqrt(1500 * 0.7))


def test_keys_equal_the_reference_where_rows_and_elements_are_as_many():
    # Keras on TensorFlow takes such a sum for the addition of a bias.
    np.testing.assert_array_equal(
        draw(6, 6, 3, 5), reference.permutation_keys(6, 6, 3, 5)
    )


def test_streams_that_are_drawn_together_are_those_drawn_alone():
    streams = (4, 9, 1)

    keys = ops.convert_to_numpy(_hashing.keys_of_streams(3, 8, 1, 2, streams))

    assert keys.shape == (3, 3, 8)
    for found, stream in zip(keys, streams, strict=True):
        expected = reference.permutation_keys(3, 5, 1, 2, stream)
        np.testing.assert_array_equal(found[:, :5], expected)  # of fewer, too
