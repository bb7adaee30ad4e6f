"""Training without a wait for the device after every batch."""

import inspect

import keras

_FIT = inspect.signature(keras.Model.fit)


class TensorLogs(keras.callbacks.CallbackList):
    """Calls callbacks with the logs of a batch as tensors.

    Keras's list turns the logs of every batch into floats, and so waits for
    the device. It does not if every callback has `async_safe = True`, but then
    calls them in another thread, while the next batches train: a freeze could
    not happen at its step. This list calls them in the thread of `fit`.

    Args:
        callbacks: list of callbacks with `takes_tensors = True`.
        **arguments: as for `keras.callbacks.CallbackList`.
    """

    def on_train_batch_end(self, batch, logs=None):
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class TensorLogsFit:
    """Mixin of a `keras.Model` whose `fit` uses `TensorLogs` where possible.

    It is possible without a progress bar, if all callbacks have the attribute
    `takes_tensors = True`. Their `on_train_batch_end` then gets tensors, and
    waits for the device only when it converts one to a float.
    """

    def fit(self, *arguments, **keywords):
        given = _FIT.bind(self, *arguments, **keywords).arguments
        callbacks = given.get("callbacks")
        if (
            given.get("verbose", "auto") == 0
            and isinstance(callbacks, list | tuple)
            and all(getattr(one, "takes_tensors", False) for one in callbacks)
        ):
            given["callbacks"] = TensorLogs(
                list(callbacks),
                add_history=True,
                model=self,
                verbose=0,
                epochs=given.get("epochs", 1),
                steps=given.get("steps_per_epoch"),
            )
        given.pop("self")
        return super().fit(**given)
