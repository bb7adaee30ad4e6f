"""V-JEPA, V-JEPA 2 and 2.1 in plain NumPy, float64, in Meta's layout."""

import numpy as np

from tests.reference import encoder as reference

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def embed(weights, clip):
    """From 8-bit pixels `(frames, height, width, 3)` to tokens."""
    kernel = np.asarray(weights["patch_embed.proj.weight"], "float64")
    _, _, frames, rows, columns = kernel.shape
    x = reference.standardise(clip, MEAN, STD)
    t, h, w = (
        size // patch
        for size, patch in zip(
            clip.shape, (frames, rows, columns), strict=False
        )
    )
    x = x.reshape(t, frames, h, rows, w, columns, 3)
    x = np.einsum("tfhrwkc,ocfrk->thwo", x, kernel)
    return x.reshape(t * h * w, -1) + weights["patch_embed.proj.bias"]


def block(x, weights, start, num_heads, positions, rotated, epsilon=1e-6):
    """A block; `rotated` is `"tiled"`, `"interleaved"` or `None`."""
    y = norm(x, weights, f"{start}norm1", epsilon)
    parts = np.split(linear(y, weights, f"{start}attn.qkv"), 3, axis=-1)
    heads = []
    for q, k, v in zip(
        *(np.split(part, num_heads, axis=-1) for part in parts), strict=True
    ):
        if rotated:
            q, k = (
                reference.rotate_neighbours(a, positions, rotated == "tiled")
                for a in (q, k)
            )
        heads.append(reference.attention(q, k, v))
    x = x + linear(np.concatenate(heads, -1), weights, f"{start}attn.proj")
    y = norm(x, weights, f"{start}norm2", epsilon)
    y = reference.gelu(linear(y, weights, f"{start}mlp.fc1"))
    return x + linear(y, weights, f"{start}mlp.fc2")


def linear(x, weights, name):
    return (
        x @ np.asarray(weights[f"{name}.weight"], "float64").T
        + (weights[f"{name}.bias"])
    )


def norm(x, weights, name, epsilon=1e-6):
    return reference.normalise(
        x, weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon
    )


def depth_of(weights, start):
    return 1 + max(
        int(name.removeprefix(start).split(".")[0])
        for name in weights
        if name.startswith(start)
    )


def features(weights, num_heads, clip, positions, rotated, add=0.0):
    """Embedding, output of every block, and the normalised last one.

    Args:
        weights: dict, of the encoder.
        num_heads: int.
        clip: 8-bit pixels.
        positions: of the rotation.
        rotated: see `block`.
        add: what is added to the embedded patches.
    """
    layers = [embed(weights, clip) + add]
    for index in range(depth_of(weights, "blocks.")):
        layers.append(
            block(
                layers[-1],
                weights,
                f"blocks.{index}.",
                num_heads,
                positions,
                rotated,
            )
        )
    levels = "norms_block."
    last = "norm"
    if any(name.startswith(levels) for name in weights):
        last = f"{levels}{depth_of(weights, levels) - 1}"
    return [*layers, norm(layers[-1], weights, last)]


def predict(
    weights, num_heads, visible, positions, mask, rotated, add_positions=None
):
    """Predictions at the hidden tokens.

    Args:
        weights: dict, of the predictor.
        num_heads: int.
        visible: normalised features `(visible, width)`.
        positions: those of the visible, then of the hidden tokens.
        mask: int, index of the mask token.
        rotated: see `block`.
        add_positions: what is added to all tokens. Defaults to `None`.
    """
    num_hidden = len(positions) - len(visible)
    x = linear(visible, weights, "predictor_embed")
    token = np.ravel(weights[f"mask_tokens.{mask}"])
    x = np.concatenate([x, np.tile(token, (num_hidden, 1))])
    if add_positions is not None:
        x = x + add_positions
    for index in range(depth_of(weights, "predictor_blocks.")):
        start = f"predictor_blocks.{index}."
        x = block(x, weights, start, num_heads, positions, rotated)
    x = norm(x[len(visible) :], weights, "predictor_norm")
    return linear(x, weights, "predictor_proj")


def probe(weights, num_heads, tokens):
    """Logits of an attentive probe: blocks, then a query.

    Args:
        weights: dict, of the probe.
        num_heads: int.
        tokens: normalised features of a clip, `(tokens, width)`.
    """
    epsilon, x = 1e-5, np.asarray(tokens, "float64")
    start = "pooler.blocks."
    if any(name.startswith(start) for name in weights):
        for index in range(depth_of(weights, start)):
            x = block(
                x, weights, f"{start}{index}.", num_heads, None, None, epsilon
            )
    cross = "pooler.cross_attention_block."
    query = np.asarray(weights["pooler.query_tokens"][0], "float64")
    q = linear(query, weights, f"{cross}xattn.q")
    y = norm(x, weights, f"{cross}norm1", epsilon)
    k, v = np.split(linear(y, weights, f"{cross}xattn.kv"), 2, axis=-1)
    heads = zip(
        *(np.split(part, num_heads, axis=-1) for part in (q, k, v)), strict=True
    )
    query = query + np.concatenate(
        [reference.attention(*parts) for parts in heads], axis=-1
    )
    y = norm(query, weights, f"{cross}norm2", epsilon)
    y = reference.gelu(linear(y, weights, f"{cross}mlp.fc1"))
    query = query + linear(y, weights, f"{cross}mlp.fc2")
    return linear(query, weights, "linear")[0]


def interpolated(table, grid):
    """A table `(frames, rows, columns, dim)` for another grid, as PyTorch's
    trilinear interpolation: linear between the centres of the cells."""
    for axis, new in enumerate(grid):
        old = table.shape[axis]
        rows = []
        for index in range(new):
            at = np.clip((index + 0.5) * old / new - 0.5, 0, old - 1)
            low = int(np.floor(at))
            high = min(low + 1, old - 1)
            share = at - low
            lower, upper = table.take(low, axis), table.take(high, axis)
            rows.append((1 - share) * lower + share * upper)
        table = np.stack(rows, axis)
    return table
