"""4DS and its readout in plain NumPy, float64, in the layout of flax."""

import numpy as np

from tests.reference import encoder as reference


def norm(x, weights, name):
    return reference.normalise(
        x, weights[f"{name}/scale"], weights[f"{name}/bias"]
    )


def dense(x, weights, name, axes=1):
    """A map of the last `axes` axes of `x`."""
    kernel = np.asarray(weights[f"{name}/kernel"], "float64")
    return np.tensordot(x, kernel, axes) + weights[f"{name}/bias"]


def attend(query, key, value):
    """Attention of `(tokens, heads, features)`."""
    heads = [
        reference.attention(query[:, h], key[:, h], value[:, h])
        for h in range(query.shape[1])
    ]
    return np.stack(heads, axis=1)


def embed(weights, start, clip):
    """From 8-bit pixels to tokens `(frames, rows, columns, width)`."""
    kernel = weights[f"{start}encoder/patch_embedding/Conv_0/kernel"]
    frames, rows, columns, _, width = kernel.shape
    t, h, w = (
        clip.shape[0] // frames,
        clip.shape[1] // rows,
        clip.shape[2] // columns,
    )
    tokens = np.zeros((t, h, w, width))
    for a, b, c in np.ndindex(t, h, w):
        patch = clip[
            a * frames : (a + 1) * frames,
            b * rows : (b + 1) * rows,
            c * columns : (c + 1) * columns,
        ]
        tokens[a, b, c] = np.tensordot(patch / 255, kernel, 4)
    return tokens + weights[f"{start}encoder/patch_embedding/Conv_0/bias"]


def features(weights, start, depth, clip):
    """Embedding and output of every block, `(frames, rows, columns, width)`."""
    tokens = embed(weights, start, clip)
    tokens = tokens + weights[f"{start}encoder/posenc/embeddings"]
    shape = tokens.shape
    x = tokens.reshape(-1, shape[-1])
    layers = [x]
    for index in range(depth):
        block = f"{start}processor/layers_{index}/"
        y = norm(x, weights, f"{block}attention_norm")
        parts = [
            dense(y, weights, f"{block}attention/{part}")
            for part in ("query", "key", "value")
        ]
        x = x + dense(attend(*parts), weights, f"{block}attention/out", 2)
        y = norm(x, weights, f"{block}mlp_norm")
        y = reference.gelu_tanh(dense(y, weights, f"{block}mlp/dense_in"))
        x = x + dense(y, weights, f"{block}mlp/dense_out")
        layers.append(x)
    return [layer.reshape(shape) for layer in layers]


def layer_of_the_readout(layers, depth=0.95):
    """As the original finds it: its list has the embedding twice."""
    listed = [layers[0], *layers[:-1]]
    return listed[int(len(listed) * depth) - 1]


def read(weights, start, features):
    """Outputs of every query for the features of one clip."""
    table = weights[f"{start}temporal_posenc/embeddings"]
    x = resize(features, len(table))
    x = norm(x, weights, f"{start}LayerNorm_0") + table[:, :, None]
    x = x.reshape(-1, x.shape[-1])
    query = np.asarray(weights[f"{start}query"], "float64")
    key = dense(x, weights, f"{start}key_embedding")
    value = dense(x, weights, f"{start}value_embedding")
    tokens = attend(query, key, value).reshape(len(query), -1)
    tokens = query.reshape(len(query), -1) + dense(
        tokens, weights, f"{start}Dense_0"
    )
    y = norm(tokens, weights, f"{start}LayerNorm_1")
    y = reference.gelu_tanh(dense(y, weights, f"{start}MLP_0/Dense_0"))
    tokens = tokens + dense(y, weights, f"{start}MLP_0/Dense_1")
    return dense(tokens, weights, f"{start}Dense_1")


def keys_kernel(x):
    """Keys's cubic with a = -1/2."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resize(x, new):
    """Resizes the first axis to more entries, as `jax.image.resize`."""
    old = len(x)
    rows = []
    for index in range(new):
        at = (index + 0.5) * old / new - 0.5
        weights = np.array([keys_kernel(at - other) for other in range(old)])
        rows.append(np.tensordot(weights / weights.sum(), x, 1))
    return np.stack(rows)
