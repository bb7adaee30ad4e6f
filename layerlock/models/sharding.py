"""The sharding of weights over devices."""

import keras

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


def layout_map(device_mesh) -> keras.distribution.LayoutMap:
    """Splits the matrices of every block along the mesh's `model` axis.

    Reference: [Megatron-LM, Shoeybi et al., 2019](
    https://arxiv.org/abs/1909.08053), Fig. 3.

    Args:
        device_mesh: `keras.distribution.DeviceMesh` with an axis `model`.

    Returns:
        A `keras.distribution.LayoutMap`; all other weights are replicated.
    """
    layouts = keras.distribution.LayoutMap(device_mesh)
    for path, axes in _SPLIT.items():
        layouts[path] = axes
    return layouts
