"""Importing the package on one backend imports no other framework."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

FRAMEWORKS = ("jax", "torch", "tensorflow")
OPTIONAL = ("av", "grain", "matplotlib", "tensorboardX", "tensorboard")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def backend_and_modules(request):
    """A backend, and the top-level modules that `import layerlock` loads."""
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"{request.param} is not installed")
    program = (
        "import json, sys, layerlock;"
        "print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": request.param},
        check=True,
        capture_output=True,
        text=True,
    )
    return request.param, set(json.loads(finished.stdout.splitlines()[-1]))


def test_only_the_chosen_framework_is_imported(backend_and_modules):
    backend, modules = backend_and_modules

    assert modules & set(FRAMEWORKS) == {backend}


def test_the_optional_dependencies_are_not_imported(backend_and_modules):
    _, modules = backend_and_modules

    assert not modules & set(OPTIONAL)
