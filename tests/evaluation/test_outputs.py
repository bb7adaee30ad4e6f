"""What readouts put out: depth maps in blocks, and classes."""

import numpy as np
import pytest

from layerlock.evaluation.outputs import Classes, DepthBlocks, known_error

DEPTHS = np.random.default_rng(0).uniform(1, 9, (3, 4, 6, 8)).astype("float32")


def test_joining_undoes_cutting():
    blocks = DepthBlocks((2, 3, 2), DEPTHS.shape[1:], DEPTHS)

    cut = blocks.encode(DEPTHS)

    assert cut.shape == (3, blocks.num_queries, blocks.output_dim)
    assert cut.mean() == pytest.approx(0, abs=1e-4)
    assert cut.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(blocks.decode(cut), DEPTHS, rtol=1e-4)


def test_a_block_is_a_box_of_pixels():
    blocks = DepthBlocks((2, 3, 2), DEPTHS.shape[1:], DEPTHS)

    # Block (1, 0, 3) of a grid of (2, 2, 4).
    found = blocks.encode(DEPTHS)[1, 8 + 3]

    box = np.log(DEPTHS[1, 2:4, 0:3, 6:8]).ravel()
    np.testing.assert_allclose(
        found * blocks.spread + blocks.mean, box, rtol=1e-4, atol=1e-5
    )


def test_unknown_depths_count_for_nothing():
    depths = DEPTHS.copy()
    depths[0, 0] = np.nan
    depths[1, 0] = 0

    blocks = DepthBlocks((2, 3, 2), DEPTHS.shape[1:], depths)

    assert np.isfinite([blocks.mean, blocks.spread]).all()
    assert np.isnan(blocks.encode(depths)).sum() == 2 * 48


def test_blocks_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="do not divide"):
        DepthBlocks((2, 4, 2), DEPTHS.shape[1:], DEPTHS)


def test_of_classes_the_answers_are_probabilities():
    classes = Classes(3)

    answers = classes.decode(np.array([[[0.0, 0.0, np.log(2.0)]]]))

    np.testing.assert_allclose(answers, [[0.25, 0.25, 0.5]], rtol=1e-6)
    truth, logits = classes.encode(np.array([2, 0])), np.zeros((2, 1, 3))
    assert float(classes.loss(truth, logits)) == pytest.approx(np.log(3))


def test_what_is_not_known_is_no_error():
    truth = np.array([[1.0, np.nan, 3.0]], "float32")

    error = known_error(truth, np.array([[2.0, 9.0, 3.0]], "float32"))

    assert float(error) == pytest.approx(0.5)
