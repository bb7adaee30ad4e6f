"""Settings that hold for one thread only, carried into another thread.

JAX has context managers such as `jax.default_matmul_precision` and
`jax.enable_x64`, and Keras keeps its scopes and counters per thread. A program
that another thread compiles must be the one of the calling thread.
"""

import contextlib

import jax

from layerlock.backends import keras_internals


class ThreadSettings:
    """The settings of JAX and Keras in the thread that creates this object.

    Example:

    >>> with jax.default_matmul_precision("float32"):
    ...     settings = ThreadSettings()
    >>> settings.hold()
    False
    >>> with settings.applied():
    ...     print(jax.config.jax_default_matmul_precision, settings.hold())
    float32 True
    """

    def __init__(self):
        self._jax = _values()
        self._keras = keras_internals.thread_state()

    def hold(self) -> bool:
        """Whether JAX has the same settings in the present thread now."""
        return self._jax == _values()

    @contextlib.contextmanager
    def applied(self):
        """Context in which the settings hold in the present thread.

        Raises:
            RuntimeError: if JAX has no context manager for a setting that
                differs.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(keras_internals.separate_state(self._keras))
            for name in self._differing():
                setting = getattr(jax, name.removeprefix("jax_"), None)
                if setting is not None:
                    stack.enter_context(setting(self._jax[name]))
            left = self._differing()
            if left:
                raise RuntimeError(
                    "These settings of JAX hold in the calling thread only, "
                    f"and cannot be applied in another one: {left}. Set them "
                    "with `jax.config.update`."
                )
            yield

    def _differing(self) -> list[str]:
        present = _values()
        return [
            name
            for name, value in self._jax.items()
            if value != present.get(name)
        ]


def _values() -> dict:
    """All settings of JAX, as the present thread reads them."""
    return {
        **jax.config.values,
        "abstract_mesh": jax.sharding.get_abstract_mesh(),
    }
