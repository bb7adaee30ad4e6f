"""What recipes share: flags, the settings they amount to, and their parts."""

import importlib.util
import os
import sys

_FRAMEWORKS = ("jax", "torch", "tensorflow")
_backend = os.environ.get("KERAS_BACKEND")


def _advice() -> str:
    """How to get Keras a framework to run on."""
    if _backend in _FRAMEWORKS:
        return f'Install the framework: pip install "layerlock[{_backend}]"'
    installed = [name for name in _FRAMEWORKS if importlib.util.find_spec(name)]
    if installed:
        return f"Installed: {installed}. Set it: KERAS_BACKEND={installed[0]}"
    return 'Install one and set it: pip install "layerlock[jax]"'


try:
    import keras as keras
except (ImportError, ValueError) as error:
    sys.exit(
        f"Keras could not start: {error}\nIt runs on the framework that the "
        f"environment variable KERAS_BACKEND names, one of {_FRAMEWORKS}. "
        f"Received: KERAS_BACKEND={_backend}. {_advice()}"
    )
if keras.backend.backend() not in _FRAMEWORKS:
    sys.exit(
        f"LayerLock trains on {_FRAMEWORKS}. Received: "
        f"KERAS_BACKEND={_backend}. {_advice()}"
    )
