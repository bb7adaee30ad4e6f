"""What recipes share: flags, the settings they amount to, and their parts."""

import os
import sys

try:
    import layerlock as layerlock
except (ImportError, ValueError) as error:
    backend = os.environ.get("KERAS_BACKEND")
    sys.exit(
        f"{type(error).__name__}: {error}\n"
        f"Keras could not start. KERAS_BACKEND is {backend or 'not set'}; it "
        "names the framework that Keras runs on: jax, torch or tensorflow, "
        'which must be installed, such as with: pip install "layerlock[jax]"'
    )
