"""Tests of what every mask inherits."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining import masks


def test_get_takes_an_instance_a_name_or_a_configuration():
    mask = masks.TubeMask(0.8)

    copy = masks.get(keras.saving.serialize_keras_object(mask))

    assert masks.get(mask) is mask
    assert repr(masks.get("random")) == "RandomMask(ratio=0.95)"
    assert repr(copy) == "TubeMask(ratio=0.8)"


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only TensorFlow traces without knowing the batch size",
)
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("mask", [masks.RandomMask(0.5), masks.TubeMask(0.5)])
def test_the_batch_size_may_be_known_only_at_run_time(mask, jit_compile):
    import tensorflow as tf

    @tf.function(
        input_signature=[tf.TensorSpec([None, 1])], jit_compile=jit_compile
    )
    def draw(clips):
        return mask(ops.shape(clips)[0], (2, 3, 4), seed=1, batch_index=2)

    [indices] = draw(tf.zeros([5, 1]))

    [expected] = mask(5, (2, 3, 4), seed=1, batch_index=2)
    for drawn, known in zip(indices, expected, strict=True):
        np.testing.assert_array_equal(drawn, known)


def test_an_unknown_mask_is_answered_with_those_that_exist():
    with pytest.raises(ValueError, match="Unknown Mask 'block'.*random"):
        masks.get("block")


@pytest.mark.parametrize("ratio", [0, 1, -0.1, 95, "0.9", None, True])
@pytest.mark.parametrize("mask", [masks.RandomMask, masks.TubeMask])
def test_a_ratio_outside_of_0_to_1_is_refused(mask, ratio):
    with pytest.raises(ValueError, match=f"Received: ratio={ratio!r}"):
        mask(ratio)


@pytest.mark.parametrize(
    "mask, message",
    [
        (masks.RandomMask(0.99), r"hides everything.*\(2, 2, 2\).* 8 hidden"),
        (masks.RandomMask(0.01), "hides nothing.*8 tokens are visible and 0"),
        (masks.TubeMask(0.9), "hides everything"),
    ],
)
def test_a_mask_that_hides_nothing_or_everything_is_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        mask.validate((2, 2, 2))
    with pytest.raises(ValueError, match=message):
        mask(1, (2, 2, 2), seed=0, batch_index=0)


@pytest.mark.parametrize("grid", [(4, 4), (0, 4, 4), (4, 4, 4, 3)])
def test_a_grid_that_is_none_is_refused(grid):
    with pytest.raises(ValueError, match="frames, rows, columns"):
        masks.RandomMask(0.5).validate(grid)
