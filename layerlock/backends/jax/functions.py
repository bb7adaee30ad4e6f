"""Functions of a model without gradients, compiled."""

import jax
import keras

from layerlock.backends.jax import distribution
from layerlock.backends.jax.ahead import Compilation
from layerlock.backends.jax.programs import shape_of, structure_of


def compiled(model, function, example=None):
    """See the contract."""

    # Variables are arguments: `jit` traces again after a freeze replaced some.
    def run(values, arguments):
        mapping = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*arguments)

    # Every process reads the results.
    run = jax.jit(run, out_shardings=distribution.whole())

    ahead = None
    if example is not None:
        inputs = _values(model.variables), distribution.spread(example)
        shapes = jax.tree.map(shape_of, inputs)
        ahead = Compilation(
            lambda: run.lower(*shapes),
            lambda lowered: lowered.compile(),
            structure_of(shapes),
        )

    def call(*arguments):
        model.jax_state_sync()
        inputs = _values(model.variables), distribution.spread(arguments)
        program = ahead and ahead.take(structure_of(inputs))
        return (program or run)(*inputs)

    return call


def _values(variables) -> list:
    return [variable.value for variable in variables]
