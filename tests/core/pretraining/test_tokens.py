"""Tokens are picked by their index."""

from keras import ops

from layerlock.core.pretraining.tokens import take_tokens


def test_masks_of_one_clip_share_its_pixels():
    tokens = ops.reshape(ops.arange(12, dtype="float32"), (2, 3, 2))
    indices = ops.convert_to_tensor([[0], [2], [1], [1]], dtype="int32")

    picked = ops.convert_to_numpy(
        take_tokens(tokens, indices, masks_per_clip=2)
    )

    assert picked[:, 0].tolist() == [[0, 1], [4, 5], [8, 9], [8, 9]]
