"""Marks that depend on the backend."""

import os

import pytest


def thorough_on(*backends: str):
    """Marks a test as thorough on backends where it takes too long for CI.

    Another backend runs it in CI, and `bash tests/run --all` runs it on all.
    """
    if os.environ["KERAS_BACKEND"] in backends:
        return pytest.mark.thorough
    return lambda test: test


def slow_but_thorough_on(*backends: str) -> list:
    """The `pytestmark` of a module of slow tests, see `thorough_on`."""
    if os.environ["KERAS_BACKEND"] in backends:
        return [pytest.mark.slow, pytest.mark.thorough]
    return [pytest.mark.slow]
