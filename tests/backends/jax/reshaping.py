"""Saves a model under one layout and loads it under others, on eight devices.

Run as `python -m tests.backends.jax.reshaping FOLDER`. Prints, for each pair
of layouts, whether every value is the same bit for bit.
"""

import json
import pathlib
import sys

import numpy as np

from layerlock import backends
from layerlock.models import sharding
from layerlock.runs import checkpoints
from layerlock.runs.saver import Saver
from tests.backends.jax import layouts

LAYOUTS = {
    "none": ("none", None),
    "data": ("data", None),
    "fsdp": ("fsdp", None),
    "both": ("fsdp", (4, 2)),
    "model": ("model", (4, 2)),
}


def build(seed):
    """A model whose variables, those of its optimizer too, are random."""
    model = layouts.build("vjepa", 2)
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(seed)
    for variable in checkpoints.named_variables(model).values():
        if "float" in variable.dtype:
            variable.assign(rng.normal(size=variable.shape))
    return model


def values(model):
    named = checkpoints.named_variables(model)
    return {name: np.array(v.value) for name, v in named.items()}


def main(folder):
    results = {}
    for name, (kind, mesh) in LAYOUTS.items():
        with backends.distributed(kind, mesh, sharding.axes(kind)):
            model = build(seed=1)
            saver = Saver(pathlib.Path(folder) / name, keep=1)
            expected = values(model)
            saver.save(model, 3, {"frozen_layers": 0}, {})
            # What is trained while it is written is not saved.
            for variable in model.trainable_variables:
                variable.assign(2 * variable)
            saver.wait()
    for name in LAYOUTS:
        path, state, damaged = checkpoints.read_newest(
            pathlib.Path(folder) / name
        )
        assert not damaged and state["step"] == 3
        for other, (kind, mesh) in LAYOUTS.items():
            with backends.distributed(kind, mesh, sharding.axes(kind)):
                model = build(seed=2)
                checkpoints.load_weights(path, model)
                found = values(model)
            results[f"{name} to {other}"] = all(
                np.array_equal(found[key], expected[key]) for key in expected
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
