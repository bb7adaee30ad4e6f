"""Checkpoints of weights in parts: Orbax."""

import pathlib

import jax

_FOLDER = "orbax"  # Orbax makes it, when all processes have written


class Writing:
    """Parts that Orbax writes while training goes on.

    Args:
        checkpointer: an `orbax.checkpoint.AsyncCheckpointer`.
    """

    def __init__(self, checkpointer):
        self._checkpointer = checkpointer

    def wait(self):
        """Waits for the parts of all processes; raises what failed."""
        try:
            self._checkpointer.wait_until_finished()
        finally:
            self._checkpointer.close()


def save_shards(folder, variables):
    import orbax.checkpoint as orbax

    values = {name: variable.value for name, variable in variables.items()}
    checkpointer = orbax.AsyncCheckpointer(orbax.PyTreeCheckpointHandler())
    checkpointer.save(_path(folder), args=orbax.args.PyTreeSave(values))
    return Writing(checkpointer)


def load_shards(folder, variables, is_part=False):
    import orbax.checkpoint as orbax

    shapes = {
        name: jax.ShapeDtypeStruct(
            variable.shape,
            variable.value.dtype,
            sharding=variable.value.sharding,
        )
        for name, variable in variables.items()
    }
    arguments = orbax.args.PyTreeRestore(
        shapes,
        restore_args=orbax.checkpoint_utils.construct_restore_args(shapes),
        partial_restore=is_part,
    )
    with orbax.Checkpointer(orbax.PyTreeCheckpointHandler()) as checkpointer:
        values = checkpointer.restore(_path(folder), args=arguments)
    for name, variable in variables.items():
        variable.assign(values[name])


def _path(folder) -> pathlib.Path:
    return pathlib.Path(folder).absolute() / _FOLDER
