"""The package needs one framework, and never imports another.

Keras and TensorFlow themselves import JAX where it is installed. So the
others are blocked here: whoever asks for one gets an `ImportError`.
"""

import importlib.util
import os
import subprocess
import sys

import pytest

FRAMEWORKS = ("jax", "torch", "tensorflow")
OPTIONAL = (
    "jinja2",
    "av",
    "grain",
    "matplotlib",
    "tensorboardX",
    "tensorboard",
    "sklearn",
    "wandb",
    "mlflow",
    "trackio",
    "safetensors",
    "transformers",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "huggingface_hub",
)

BLOCK = """
import importlib.machinery, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec):
        raise ModuleNotFoundError(f"{spec.name} is blocked", name=spec.name)
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Blocker())
import layerlock
"""

# A backend's own modules may need its framework.
IMPORT_EVERYTHING = """
import importlib, pkgutil
theirs = tuple(f"layerlock.backends.{name}" for name in blocked)
for module in pkgutil.walk_packages(layerlock.__path__, "layerlock."):
    if not module.name.startswith(theirs):
        importlib.import_module(module.name)
"""


# JAX is the quickest to import: what is true of our own modules is shown on it.
ON_JAX = [
    name if name == "jax" else pytest.param(name, marks=pytest.mark.thorough)
    for name in FRAMEWORKS
]


@pytest.fixture(params=FRAMEWORKS)
def backend(request):
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param


def run_without(blocked, backend, program=""):
    """Imports layerlock in a process where `blocked` cannot be imported."""
    header = f"blocked = {tuple(blocked)}\n{BLOCK}"
    return subprocess.run(
        [sys.executable, "-c", header + program],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )


def test_no_module_needs_a_framework_other_than_the_chosen_one(backend):
    others = [name for name in FRAMEWORKS if name != backend]

    finished = run_without(others, backend, IMPORT_EVERYTHING)

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("backend", ON_JAX, indirect=True)
def test_importing_the_package_needs_no_optional_dependency(backend):
    finished = run_without(OPTIONAL, backend)

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("backend", ON_JAX, indirect=True)
def test_a_blocked_import_is_seen(backend):
    finished = run_without(FRAMEWORKS, backend)

    assert finished.returncode != 0
    assert "ImportError" in finished.stderr or (
        "ModuleNotFoundError" in finished.stderr
    )


# Keras imports TensorFlow to seed it, and to serialise an object.
TRAIN = """
import sys
import numpy as np
from layerlock.backends import randomness
with randomness.seeded(3):
    first = layerlock.VideoEncoder.from_preset("video_vit_nano")
layerlock.pretrain(steps=2, batch_size=2, run_dir=folder)
assert not {"torch", "tensorflow"} & set(sys.modules), "after a run"
"""


def test_a_run_on_jax_imports_no_other_framework(tmp_path):
    if not importlib.util.find_spec("jax"):
        pytest.skip("jax is not installed")

    pytest.importorskip("grain")
    folder = str(tmp_path / "run")

    finished = run_without((), "jax", f"folder = {folder!r}\n{TRAIN}")

    assert finished.returncode == 0, finished.stderr
