"""V-JEPA 2's attentive probe in plain NumPy, float64."""

import numpy as np

from tests.reference import encoder as reference


def read(weights, num_heads, features, epsilon=1e-5):
    """Outputs of every query for one clip.

    Args:
        weights: dict from path to value.
        num_heads: int.
        features: `(frames, rows, columns, dim)`.
        epsilon: float, of all norms.
    """

    def linear(values, name):
        return values @ weights[f"{name}_kernel"] + weights[f"{name}_bias"]

    def normalise(values, name):
        gamma, beta = weights[f"{name}_gamma"], weights[f"{name}_beta"]
        return reference.normalise(values, gamma, beta, epsilon)

    x = features.reshape(-1, features.shape[-1])
    number = 1
    while f"block_{number}/qkv_kernel" in weights:
        prefix = f"block_{number}/"
        block = {
            path.removeprefix(prefix): value
            for path, value in weights.items()
            if path.startswith(prefix)
        }
        x = reference.block(x, block, num_heads, None, "none", epsilon)
        number += 1
    key, value = np.split(
        linear(normalise(x, "input_norm"), "key_value"), 2, axis=-1
    )
    query = linear(weights["queries"], "query")
    parts = [np.split(part, num_heads, axis=-1) for part in (query, key, value)]
    attended = [
        reference.attention(*heads) for heads in zip(*parts, strict=True)
    ]
    tokens = weights["queries"] + np.concatenate(attended, axis=-1)
    y = reference.gelu(linear(normalise(tokens, "mlp_norm"), "mlp_expand"))
    tokens = tokens + linear(y, "mlp_output")
    return tokens @ weights["head/kernel"] + weights["head/bias"]
