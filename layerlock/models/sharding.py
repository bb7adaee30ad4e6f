"""Which dimension of each weight is split over which axis of the mesh."""

import re

# Columns of the first matrix of a pair and rows of the second are split, so
# that there is one sum over devices per pair. Queries, keys and values share
# one kernel: the compiler moves columns whose shard crosses a border.
_SPLIT = {
    r".*block_\d+/qkv_kernel": (None, "model"),
    r".*block_\d+/qkv_bias": ("model",),
    r".*block_\d+/attention_output_kernel": ("model", None),
    r".*block_\d+/mlp_expand_kernel": (None, "model"),
    r".*block_\d+/mlp_expand_bias": ("model",),
    r".*block_\d+/mlp_output_kernel": ("model", None),
}
# Vectors are less than a thousandth of a network: they are copied.
_LARGE = re.compile(r".*/(\w*kernel|table)")


def axes(distribution: str):
    """Returns the layout of weights under a distribution.

    - `data`: every device has all weights.
    - `model`: the matrices of every block are split along the mesh's model
      axis ([Megatron-LM, Shoeybi et al., 2019](
      https://arxiv.org/abs/1909.08053), Fig. 3).
    - `fsdp`: the same, and every matrix is split along the data axis, too
      ([ZeRO, Rajbhandari et al., 2020](https://arxiv.org/abs/1910.02054),
      stage 3). It is the largest dimension that is whole and can be split
      evenly; a matrix without one is copied.

    Args:
        distribution: `"data"`, `"fsdp"` or `"model"`.

    Returns:
        A function of the path and the shape of a weight and of the mesh's
        `(data, model)` sizes. It returns the axis of each dimension: `"data"`,
        `"model"`, or `None` for a whole one. Optimizer state and gradients
        have the layout of their weight.

    Example:

    >>> layout = axes("fsdp")
    >>> layout("encoder/block_1/mlp_expand_kernel", (24, 48), (4, 2))
    ('data', 'model')
    >>> layout("encoder/block_1/mlp_expand_kernel", (24, 48), (8, 1))
    (None, 'data')
    >>> layout("encoder/block_1/mlp_norm_gamma", (24,), (8, 1))
    (None,)
    """

    def layout(path, shape, sizes):
        data, model = sizes
        found = [None] * len(shape)
        if distribution in ("model", "fsdp") and model > 1:
            found = list(_along_model(path, shape, model))
        if distribution == "fsdp" and data > 1 and _LARGE.fullmatch(path):
            free = [
                dimension
                for dimension, size in enumerate(shape)
                if found[dimension] is None and size % data == 0
            ]
            if free:
                found[max(free, key=lambda dimension: shape[dimension])] = (
                    "data"
                )
        return tuple(found)

    return layout


def _along_model(path, shape, model):
    for pattern, split in _SPLIT.items():
        if not re.fullmatch(pattern, path):
            continue
        for size, axis in zip(shape, split, strict=True):
            if axis and size % model:
                raise ValueError(
                    f"{path} of shape {tuple(shape)} cannot be split over "
                    f"{model} devices. Make the model axis of `mesh` a divisor "
                    f"of {size}."
                )
        return split
    return (None,) * len(shape)
