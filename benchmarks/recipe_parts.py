"""What `recipes/pretrain.py` is made of, for benchmarks."""

import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "recipes"))
pretrain = importlib.import_module("pretrain")
callbacks, inputs, run_folder, settings = (
    importlib.import_module(f"common.{name}")
    for name in ("callbacks", "inputs", "run_folder", "settings")
)
