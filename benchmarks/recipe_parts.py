"""What `recipes/pretrain.py` is made of, for benchmarks."""

import importlib
import pathlib
import sys

import keras
import numpy as np

from layerlock.models import presets

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "recipes"))
pretrain = importlib.import_module("pretrain")
callbacks, inputs, plan, run_folder, settings = (
    importlib.import_module(f"common.{name}")
    for name in ("callbacks", "inputs", "plan", "run_folder", "settings")
)


def long_run(preset, *arguments):
    """The settings of a run so long that nothing in it happens by itself.

    Args:
        preset: str, size of the encoder; clips are those it is made for.
        arguments: further flags of `pretrain.py`.
    """
    frames, size, _ = presets.PRESETS[preset]["clip_shape"]
    return settings.read(
        [
            f"--preset={preset}",
            f"--frames={frames}",
            f"--size={size}",
            "--steps=2000000",
            "--monitor_every=1000000",
            "--checkpoint_every=1000000",
            "--compilation_cache=",
            *arguments,
        ]
    )


def open_job(chosen, method, progress):
    """What `pretrain.py` hands to `fit`: the model and its callbacks.

    Args:
        chosen: dict, every flag with its value.
        method: `methods.Method`.
        progress: `runs.Progress`.

    Returns:
        The model, the `callbacks.Callbacks` and the `inputs.Clips`.
    """
    path = pathlib.Path(chosen["run_dir"])
    model = pretrain.build(chosen, method)
    clips = inputs.open_clips(chosen, path)
    run = run_folder.open_run(chosen, path, clips)
    used = callbacks.build(chosen, method, model, run, clips, progress)
    return model, used, clips


def handwritten_step(model, chosen, method, stage: int, **arguments):
    """The step that is written by hand, with a copy of a model's weights.

    Args:
        model: the `MaskedPretraining`.
        chosen: dict, every flag with its value.
        method: `methods.Method`.
        stage: int, frozen layers; the deepest is predicted unless pixels are.
        arguments: further ones of that `Step`.
    """
    backend, precision = keras.backend.backend(), chosen["mixed_precision"]
    return importlib.import_module(f"handwritten_{backend}").Step(
        model,
        frozen_layers=stage,
        target_layer=0 if chosen["target"] == "pixels" else stage,
        learning_rate=method.learning_rate,
        weight_decay=chosen["weight_decay"],
        gradient_clip=chosen["gradient_clip"],
        dtype="float32" if precision == "none" else precision,
        **arguments,
    )


def noise(model, batch_size: int, count: int) -> list:
    """Some batches of noise, for steps whose features do not matter.

    Args:
        model: the `MaskedPretraining` that they are for.
        batch_size: int, clips of a batch.
        count: int, batches.
    """
    shape = (batch_size, *model.encoder.clip_shape, 3)
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, shape, "uint8") for _ in range(count)]


def endless(batches):
    """The batches, again and again, as `fit` takes them."""
    while True:
        for batch in batches:
            yield (batch,)
