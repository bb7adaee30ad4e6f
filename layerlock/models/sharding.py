"""Which axis of which weight is split over devices."""

import keras

# Columns of what widens, rows of what narrows, so that products are summed
# once. The columns of queries, keys and values lie side by side in one kernel:
# where a share of it crosses their borders, the compiler moves it.
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
        A `keras.distribution.LayoutMap`; weights that it does not name are
        copied to every device.
    """
    layouts = keras.distribution.LayoutMap(device_mesh)
    for path, axes in _SPLIT.items():
        layouts[path] = axes
    return layouts
