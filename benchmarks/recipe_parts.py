"""What `recipes/pretrain.py` is made of, for benchmarks."""

import importlib
import pathlib
import sys

from layerlock.models import presets

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "recipes"))
pretrain = importlib.import_module("pretrain")
callbacks, inputs, run_folder, settings = (
    importlib.import_module(f"common.{name}")
    for name in ("callbacks", "inputs", "run_folder", "settings")
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
