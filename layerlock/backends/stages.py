"""What a model keeps of one stage, and gives up when layers froze."""

import weakref


class StageFunction:
    """A compiled function of a model, until layers freeze; then the next one.

    For a backend whose programs hold the variables that they were traced with,
    those too that a teacher has given up since.

    Args:
        model: a `keras.Model`.
        make: function without arguments that returns a new one, to be compiled
            at its first call.
    """

    def __init__(self, model, make):
        self._function = None
        self._make = make
        if not hasattr(model, "stage_functions"):
            model.stage_functions = weakref.WeakSet()
        model.stage_functions.add(self)

    def __call__(self, *arguments):
        if self._function is None:
            self._function = self._make()
        return self._function(*arguments)

    def reset(self):
        """Drops the program; the next call compiles."""
        self._function = None


def reset(model):
    """Drops what a model, and models inside of it, keep of a stage."""
    for layer in model._flatten_layers():
        for function in getattr(layer, "stage_functions", ()):
            function.reset()
        if hasattr(layer, "_compiled_trainable_state"):
            _renew_trainable_state(layer)


def _renew_trainable_state(model):
    """Notes again which layers are trained, as Keras does in `compile`.

    The old note would keep the blocks in memory that a teacher gave up. It is
    deleted first: TensorFlow keeps what is merely replaced.
    """
    del model._compiled_trainable_state
    model._compiled_trainable_state = {
        layer: layer.trainable for layer in model._flatten_layers()
    }
