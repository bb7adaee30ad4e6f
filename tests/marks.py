"""Marks that depend on the backend."""

import keras
import pytest


def thorough_on(*backends: str):
    """Marks a test as thorough on backends where it takes too long for CI.

    Another backend runs it in CI, and `bash tests/run --all` runs it on all.
    """
    if keras.backend.backend() in backends:
        return pytest.mark.thorough
    return lambda test: test
