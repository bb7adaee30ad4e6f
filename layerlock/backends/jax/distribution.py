"""Devices of JAX: layouts for XLA's partitioner."""

import contextlib

import jax
import keras
import numpy as np

from layerlock.backends import mesh as meshes


class Layouts(keras.distribution.ModelParallel):
    """Batches along the data axis, and weights as `axes` says.

    Args:
        kind: str, the distribution.
        device_mesh: `keras.distribution.DeviceMesh` of `meshes.AXES`.
        axes: see `distributed` of the contract.
    """

    def __init__(self, kind, device_mesh, axes):
        super().__init__(
            layout_map=keras.distribution.LayoutMap(device_mesh),
            batch_dim_name=meshes.AXES[0],
            auto_shard_dataset=False,
        )
        self.kind = kind
        self.axes = axes

    def get_variable_layout(self, variable):
        axes = self.axes(
            variable.path, tuple(variable.shape), self.device_mesh.shape
        )
        return keras.distribution.TensorLayout(axes, self.device_mesh)


@contextlib.contextmanager
def distributed(kind, mesh=None, axes=None):
    if kind == "none":
        yield
        return
    devices = keras.distribution.list_devices()
    device_mesh = keras.distribution.DeviceMesh(
        meshes.sizes(kind, mesh, len(devices)), meshes.AXES, devices
    )
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(Layouts(kind, device_mesh, axes))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def is_sharded():
    distribution = keras.distribution.distribution()
    return isinstance(distribution, Layouts) and distribution.kind != "data"


def local_rows(batch_size):
    distribution = keras.distribution.distribution()
    if distribution is None or jax.process_count() == 1:
        return slice(0, batch_size)
    layout = distribution.get_data_layout((batch_size,)).backend_layout
    rows = layout.addressable_devices_indices_map((batch_size,)).values()
    bounds = [row.indices(batch_size)[:2] for (row,) in rows]
    return slice(min(b[0] for b in bounds), max(b[1] for b in bounds))


def whole():
    """The sharding of an array that every device has; `None` without one."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return None
    mesh = distribution.device_mesh.backend_mesh
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())


def spread(tree):
    """Spreads arrays that every process has over the devices, by rows.

    Those whose rows cannot be split evenly are copied to all of them.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return tree
    return jax.tree.map(lambda array: _spread(array, distribution), tree)


def _spread(array, distribution):
    mesh, sharding = distribution.device_mesh, whole()
    parts = mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
    if array.ndim and array.shape[0] % parts == 0:
        sharding = distribution.get_data_layout(array.shape).backend_layout
    if jax.process_count() == 1:
        return jax.device_put(array, sharding)
    # Not `device_put`, which compares the arrays of all processes.
    array = np.asarray(array)
    return jax.make_array_from_callback(
        array.shape, sharding, lambda index: array[index]
    )
