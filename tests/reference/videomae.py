"""VideoMAE in plain NumPy, float64, in the layout of its authors."""

import numpy as np

from tests.reference import encoder as reference, vjepa


def block(x, weights, start, num_heads):
    """A block whose queries and values have biases, and whose keys do not."""
    y = vjepa.norm(x, weights, f"{start}norm1")
    q, k, v = np.split(
        y @ np.asarray(weights[f"{start}attn.qkv.weight"], "float64").T,
        3,
        axis=-1,
    )
    q = q + weights[f"{start}attn.q_bias"]
    v = v + weights[f"{start}attn.v_bias"]
    heads = [
        reference.attention(*parts)
        for parts in zip(
            *(np.split(a, num_heads, axis=-1) for a in (q, k, v)), strict=True
        )
    ]
    heads = np.concatenate(heads, axis=-1)
    x = x + vjepa.linear(heads, weights, f"{start}attn.proj")
    y = vjepa.norm(x, weights, f"{start}norm2")
    y = reference.gelu(vjepa.linear(y, weights, f"{start}mlp.fc1"))
    return x + vjepa.linear(y, weights, f"{start}mlp.fc2")


def features(weights, num_heads, clip):
    """Embedding, output of every block, and the last norm if there is one.

    Args:
        weights: dict, of the encoder.
        num_heads: int.
        clip: 8-bit pixels.
    """
    x = vjepa.embed(weights, clip)
    x = x + reference.sincos_flat(np.arange(len(x)), x.shape[1])
    layers = [x]
    for index in range(vjepa.depth_of(weights, "blocks.")):
        layers.append(block(layers[-1], weights, f"blocks.{index}.", num_heads))
    if "norm.weight" in weights:
        layers.append(vjepa.norm(layers[-1], weights, "norm"))
    return layers


def decode(weights, num_heads, tokens, visible, hidden):
    """Pixels of the hidden patches, in a whole file of pre-training.

    Args:
        weights: dict, of encoder and decoder.
        num_heads: int, of the decoder.
        tokens: output of the encoder's last block for the visible patches.
        visible, hidden: numbers of the patches in the clip.
    """
    x = vjepa.norm(tokens, weights, "encoder.norm")
    x = x @ np.asarray(weights["encoder_to_decoder.weight"], "float64").T
    token = np.ravel(weights["mask_token"])
    x = np.concatenate([x, np.tile(token, (len(hidden), 1))])
    numbers = np.concatenate([visible, hidden])
    x = x + reference.sincos_flat(numbers, x.shape[1])
    for index in range(vjepa.depth_of(weights, "decoder.blocks.")):
        x = block(x, weights, f"decoder.blocks.{index}.", num_heads)
    x = vjepa.norm(x[len(visible) :], weights, "decoder.norm")
    return vjepa.linear(x, weights, "decoder.head")
