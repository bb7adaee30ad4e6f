"""The parts of `layerlock pretrain`, for benchmarks."""

import importlib
import pathlib

import keras
import numpy as np

from layerlock.cli import flags
from layerlock.config import PretrainConfig
from layerlock.jobs.pretraining import (
    building,
    callbacks,
    inputs,
    method as methods,
    run_folder,
)
from layerlock.models import presets


def read(arguments: list) -> tuple[PretrainConfig, methods.Method]:
    """The resolved configuration of some flags, and its method."""
    config = flags.parse(PretrainConfig, list(arguments)).resolve()
    return config, methods.build(config)


def long_run(preset, *arguments) -> tuple[PretrainConfig, methods.Method]:
    """A run so long that nothing in it happens by itself.

    Args:
        preset: str, size of the encoder; clips are those it is made for.
        arguments: further flags of `layerlock pretrain`.
    """
    frames, size, _ = presets.PRESETS[preset]["clip_shape"]
    return read(
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


def open_job(config: PretrainConfig, method, progress):
    """What a pre-training run hands to `fit`: the model and its callbacks.

    Args:
        config: resolved.
        method: its `Method`.
        progress: `runs.Progress`.

    Returns:
        The model, the `callbacks.Callbacks` and the `inputs.Clips`.
    """
    path = pathlib.Path(config.run.run_dir)
    model = building.build(config, method)
    clips = inputs.open_clips(config, path)
    run = run_folder.open_run(config, path, clips)
    parts = callbacks.build(config, method, model, run, clips, progress)
    return model, parts, clips


def handwritten_step(
    model, config: PretrainConfig, method, stage: int, **arguments
):
    """The step that is written by hand, with a copy of a model's weights.

    Args:
        model: the `MaskedPretraining`.
        config: resolved.
        method: its `Method`.
        stage: int, frozen layers; the deepest is predicted unless pixels are.
        arguments: further ones of that `Step`.
    """
    backend = keras.backend.backend()
    # The steps by hand have no float8.
    dtype = {"none": "float32", "float8": "bfloat16"}
    precision = config.encoder.mixed_precision
    return importlib.import_module(f"handwritten_{backend}").Step(
        model,
        frozen_layers=stage,
        target_layer=0 if config.method.target == "pixels" else stage,
        learning_rate=method.learning_rate,
        weight_decay=config.training.weight_decay,
        gradient_clip=config.training.gradient_clip,
        dtype=dtype.get(precision, precision),
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
