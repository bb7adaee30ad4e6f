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


def devices() -> list:
    """The devices of a mesh, those of one process side by side.

    JAX may list them otherwise: by their place in a slice of TPUs, say. A
    process would then read rows with gaps.
    """
    return sorted(jax.devices(), key=lambda one: (one.process_index, one.id))


def distributed(kind, mesh=None, axes=None):
    if kind == "none" or jax.device_count() == 1:
        return contextlib.nullcontext()
    return laid_out(kind, mesh, axes)


@contextlib.contextmanager
def laid_out(kind, mesh=None, axes=None):
    """The context of `distributed`, also on one device."""
    names = [f"{device.platform}:{device.id}" for device in devices()]
    device_mesh = keras.distribution.DeviceMesh(
        meshes.sizes(kind, mesh, len(names)), meshes.AXES, names
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
    mesh = distribution.device_mesh
    axis = mesh.axis_names.index(distribution.batch_dim_name)
    rows = _rows(np.moveaxis(mesh.backend_mesh.devices, axis, 0), batch_size)
    reason = meshes.refuse_rows(rows)
    if reason:
        raise ValueError(reason)
    bounds = rows[jax.process_index()]
    return slice(min(bounds)[0], max(bounds)[1])


def refuse_mesh(kind, mesh, batch_size) -> str | None:
    """Why processes cannot read the rows of a batch, or `None`.

    Args:
        kind: str, the distribution; not `"none"`.
        mesh: as for `meshes.sizes`, which suits the number of devices.
        batch_size: int, or `None`: one clip for each device.
    """
    found = devices()
    parts = np.reshape(found, meshes.sizes(kind, mesh, len(found)))
    return meshes.refuse_rows(_rows(parts, batch_size or len(parts)))


def _rows(parts, batch_size) -> dict:
    """The rows of the devices of each process: sets of `(first, end)`.

    Args:
        parts: array of the devices of each part of a batch.
        batch_size: int, a multiple of the number of parts.
    """
    share = batch_size // len(parts)
    rows = {}
    for part, found in enumerate(parts):
        for device in np.ravel(found):
            own = rows.setdefault(device.process_index, set())
            own.add((part * share, (part + 1) * share))
    return rows


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
