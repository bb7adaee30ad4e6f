"""Compiled functions and other state of a stage, reset when layers freeze."""

import weakref


class StageFunction:
    """A compiled function of a model that is compiled again after a freeze.

    For backends whose programs hold references to the variables they were
    traced with, including variables that a teacher no longer uses.

    Args:
        model: a `keras.Model`.
        make: function without arguments that returns a new function, which is
            compiled at its first call.
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
        """Drops the program; the next call compiles again."""
        self._function = None


def reset(model):
    """Drops the compiled functions of a model and of the models inside it."""
    for layer in model._flatten_layers():
        for function in getattr(layer, "stage_functions", ()):
            function.reset()
        if hasattr(layer, "_compiled_trainable_state"):
            _renew_trainable_state(layer)


def _renew_trainable_state(model):
    """Records which layers are trainable, as Keras does in `compile`.

    The old record would keep blocks in memory that a teacher no longer uses.
    It is deleted first, because TensorFlow keeps replaced attributes.
    """
    del model._compiled_trainable_state
    model._compiled_trainable_state = {
        layer: layer.trainable for layer in model._flatten_layers()
    }
