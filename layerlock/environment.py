"""Which framework Keras runs on. Decided before Keras is imported."""

import importlib.metadata
import importlib.util
import os
import re
import sys

FRAMEWORKS = ("jax", "torch", "tensorflow")
_VARIABLE = "KERAS_BACKEND"
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_MENDED = (2, 22)  # its builds no longer corrupt memory
_chosen = []  # the framework that `choose_backend` set


def installed() -> list[str]:
    """The frameworks that are installed."""
    return [name for name in FRAMEWORKS if importlib.util.find_spec(name)]


def choose_backend() -> str | None:
    """Sets KERAS_BACKEND, if it is not set, to the only framework there is.

    Returns:
        The framework, or `None` if nothing was set: the variable has a value,
        Keras runs already, or there is not exactly one framework.
    """
    if os.environ.get(_VARIABLE) or "keras" in sys.modules:
        return None
    frameworks = installed()
    if len(frameworks) != 1:
        if is_command():  # before TensorFlow starts up for nothing
            sys.exit(f"layerlock: {_VARIABLE} is not set. {advice()}")
        return None
    [os.environ[_VARIABLE]] = frameworks
    _chosen[:] = frameworks
    return frameworks[0]


def avoid_onednn():
    """Turns oneDNN off in versions of TensorFlow whose products are unsafe.

    Up to TensorFlow 2.21, matrix products of oneDNN on x86 CPUs may write to
    memory that is not theirs. A value of the variable that is set stays, and
    TensorFlow reads it when it is imported.

    Reference: https://github.com/tensorflow/tensorflow/issues/123109
    """
    backend = os.environ.get(_VARIABLE) or "tensorflow"  # the one of Keras
    if backend != "tensorflow" or "tensorflow" in sys.modules:
        return
    if _version_of("tensorflow") < _MENDED:
        os.environ.setdefault(_ONEDNN, "0")


def _version_of(framework: str) -> tuple[int, ...]:
    """Major and minor version; one from before all others if unknown."""
    try:
        version = importlib.metadata.version(framework)
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def note() -> str:
    """A sentence on the framework that was chosen; empty if none was."""
    if not _chosen:
        return ""
    return (
        f"{_VARIABLE} is not set: using {_chosen[0]}, the only framework that "
        "is installed."
    )


def import_keras():
    """Imports Keras, which fails without the framework that it runs on.

    Raises:
        ImportError: with what to install or to set.
    """
    try:
        import keras
    except (ImportError, ValueError) as error:
        _refuse(f"Keras could not start: {error}")
    backend = keras.backend.backend()
    if backend not in FRAMEWORKS:
        _refuse(f"LayerLock does not train on the backend {backend}.")
    return keras


def _refuse(reason: str):
    """Ends a command with a sentence, and an import with an `ImportError`."""
    reason = (
        f"{reason}\nKeras runs on the framework that the environment variable "
        f"{_VARIABLE} names, one of {FRAMEWORKS}. Received: {_VARIABLE}="
        f"{os.environ.get(_VARIABLE)}. {advice()}"
    )
    if is_command():
        sys.exit(reason)
    raise ImportError(reason) from None


def is_command() -> bool:
    """Whether this process is the command `layerlock`."""
    if os.path.basename(sys.argv[0]).removesuffix(".exe") == "layerlock":
        return True
    # While `python -m` looks for the package.
    return sys.argv[0] == "-m" and "layerlock" in sys.orig_argv


def advice() -> str:
    """What to install, or to set, for Keras to start."""
    backend, frameworks = os.environ.get(_VARIABLE), installed()
    if backend in FRAMEWORKS and backend not in frameworks:
        return f'Install the framework: pip install "layerlock[{backend}]"'
    if frameworks:
        return f"Installed: {frameworks}. Set it: {_VARIABLE}={frameworks[0]}"
    return 'Install one and set it: pip install "layerlock[jax]"'
