"""Where the tensors of a step lie, as far as XLA must not choose it.

From sharded weights alone, XLA's partitioner may conclude that features are
sharded and batches are not.
"""

import jax
import keras


def whole(variable):
    """See the contract."""
    value = variable.value
    distribution = keras.distribution.distribution()
    if distribution is None or not isinstance(value, jax.core.Tracer):
        return value
    # The partitioner gathers the value where it is used, and again in the
    # backward pass. Pinned to its shards in the precision of the layer, or the
    # partitioner would gather it in float32, and round it then.
    layout = distribution.get_variable_layout(variable)
    return jax.lax.with_sharding_constraint(value, layout.backend_layout)


def stored(variables, cut=()):
    """See the contract."""
    split = {id(variable) for variable in cut}
    return [_stored(v, id(v) in split) for v in variables]


def _stored(variable, cut):
    value = whole(variable)
    distribution = keras.distribution.distribution()
    is_traced = isinstance(value, jax.core.Tracer)
    if not cut or distribution is None or not is_traced:
        return value
    # Of shards that are cut, devices would exchange parts: gathered before.
    layout = distribution.get_variable_layout(variable)
    data = distribution.batch_dim_name
    axes = [None if axis == data else axis for axis in layout.axes]
    layout = keras.distribution.TensorLayout(axes, layout.device_mesh)
    return jax.lax.with_sharding_constraint(value, layout.backend_layout)


def call_layer(layer, *tensors, **keywords):
    """See the contract: the clips of the output are split over the devices."""
    return jax.tree.map(own_rows, layer(*tensors, **keywords))


def own_rows(x):
    """See the contract: all rows are here, and each device has some."""
    distribution = keras.distribution.distribution()
    if distribution is None or not isinstance(x, jax.core.Tracer):
        return x
    mesh, axis = distribution.device_mesh, distribution.batch_dim_name
    if x.shape[0] % mesh.shape[mesh.axis_names.index(axis)]:
        return x  # a few clips, for a picture
    layout = distribution.get_data_layout(x.shape)
    return jax.lax.with_sharding_constraint(x, layout.backend_layout)
