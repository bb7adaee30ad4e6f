"""The attentive readout in plain NumPy, float64."""

import numpy as np

from tests.reference import encoder as reference, scaling4d


def read(
    weights,
    num_heads,
    features,
    num_frames,
    resizing="linear",
    activation="gelu",
):
    """Outputs of every query for one clip, and its mean attention.

    Args:
        weights: dict from path to value.
        num_heads: int.
        features: `(frames, rows, columns, dim)`.
        num_frames: int, what they are resized to in time.
        resizing: str, `"linear"` after the norm, or `"cubic"` before it.
        activation: str, of the MLP.
    """
    if resizing == "cubic":
        features = scaling4d.resize(features, num_frames)
    x = reference.normalise(
        features, weights["input_norm_gamma"], weights["input_norm_beta"]
    )
    if resizing == "linear":
        x = resize(x, num_frames)
    x = x + weights["frame_positions"][:, None]
    x = x.reshape(-1, x.shape[-1])

    def linear(values, name):
        return values @ weights[f"{name}_kernel"] + weights[f"{name}_bias"]

    key, value = np.split(linear(x, "key_value"), 2, axis=-1)
    query = linear(weights["queries"], "query")
    parts = [np.split(part, num_heads, axis=-1) for part in (query, key, value)]
    attended = [
        reference.attention(*heads) for heads in zip(*parts, strict=True)
    ]
    uniform = np.eye(len(x))  # values that show the weights themselves
    weights_of_tokens = np.mean(
        [
            reference.attention(q, k, uniform)
            for q, k, _ in zip(*parts, strict=True)
        ],
        axis=0,
    )
    tokens = weights["queries"] + linear(
        np.concatenate(attended, axis=-1), "attention_output"
    )
    y = reference.normalise(
        tokens, weights["mlp_norm_gamma"], weights["mlp_norm_beta"]
    )
    y = reference.ACTIVATIONS[activation](linear(y, "mlp_expand"))
    tokens = tokens + linear(y, "mlp_output")
    output = tokens @ weights["head/kernel"] + weights["head/bias"]
    return output, weights_of_tokens


def resize(x, num_frames):
    """Resizes the first axis linearly, over the same field of view."""
    frames = len(x)
    at = (np.arange(num_frames) + 0.5) * frames / num_frames - 0.5
    at = np.clip(at, 0, frames - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, frames - 1)
    share = (at - low)[:, None, None, None]
    return (1 - share) * x[low] + share * x[high]
