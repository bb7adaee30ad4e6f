"""What recipes share: flags, the settings they amount to, and their parts."""

import os
import sys

_FRAMEWORKS = ("jax", "torch", "tensorflow")
_backend = os.environ.get("KERAS_BACKEND")

try:
    import keras as keras
except (ImportError, ValueError) as error:
    _wanted = _backend if _backend in _FRAMEWORKS else _FRAMEWORKS[0]
    sys.exit(
        f"Keras could not start: {error}\nIt runs on the framework that the "
        f"environment variable KERAS_BACKEND names, one of {_FRAMEWORKS}. "
        f"Received: KERAS_BACKEND={_backend}. To install the framework: "
        f'pip install "layerlock[{_wanted}]"'
    )
if keras.backend.backend() not in _FRAMEWORKS:
    sys.exit(
        f"LayerLock trains on {_FRAMEWORKS}. Received: "
        f"KERAS_BACKEND={_backend}."
    )
