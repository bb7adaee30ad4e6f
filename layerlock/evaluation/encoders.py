"""Encoders to evaluate: trained, random, or raw pixels as a baseline."""

import hashlib
import json
import math
import pathlib

import keras
import numpy as np

from layerlock.backends import randomness
from layerlock.models import VideoEncoder, exported, patchify, released
from layerlock.models.patches import patch_grid
from layerlock.models.presets import PRESETS
from layerlock.runs.directory import RunDirectory

BASELINES = ("random", "pixels")


class Pixels:
    """Raw pixels in place of features, a baseline without an encoder.

    Args:
        patch_size: tuple of 3 ints.
        clip_shape: tuple of 3 ints, frames, rows and columns of a clip.
    """

    layer_names = ("pixels",)
    num_layers = 0

    def __init__(self, patch_size, clip_shape):
        self.patch_size = tuple(patch_size)
        self.clip_shape = tuple(clip_shape)
        self.hidden_dim = 3 * math.prod(self.patch_size)

    def features(self, clips, layers=None):
        """Returns the pixels of each patch, between -1 and 1."""
        grid = patch_grid(clips.shape[1:4], self.patch_size)
        values = keras.ops.cast(patchify(clips, self.patch_size), "float32")
        shape = (-1, *grid, self.hidden_dim)
        return {"pixels": keras.ops.reshape(values / 127.5 - 1.0, shape)}


def load(spec, seed: int = 0, student: bool = False, **overrides):
    """Loads an encoder from a path, or builds a baseline.

    Args:
        spec: a run directory, the folder of a fine-tuning, an exported
            encoder or a `.keras` file; `"random:PRESET"`, an encoder without
            training; or `"pixels:PRESET"`, raw pixels in its patches.
        seed: int, of a random encoder. Defaults to `0`.
        student: bool, for a run with a teacher, whether to load the trained
            encoder and not the teacher. Defaults to `False`.
        **overrides: as for `VideoEncoder.from_preset`.

    Example:

    >>> load("pixels:video_vit_nano").hidden_dim
    384
    """
    baseline = _baseline_of(spec)
    identity = None
    if not baseline or student:
        preset = _path(spec, student)
        identity = _identity(preset)  # before a run replaces the weights
    else:
        kind, preset = baseline
        if kind == "pixels":
            sizes = PRESETS[preset]
            return Pixels(sizes["patch_size"], sizes["clip_shape"])
    with randomness.seeded(seed):
        encoder = VideoEncoder.from_preset(preset, **overrides)
    encoder.identity = identity
    return encoder


def _identity(path) -> str | None:
    """A checksum of an exported encoder; `None` for other files."""
    try:
        return exported.identify(path)
    except (OSError, ValueError):
        return None


def read_sizes(spec) -> dict:
    """Returns the constructor's arguments of an encoder, without building it.

    Args:
        spec: as for `load`.

    Example:

    >>> read_sizes("random:video_vit_nano")["num_layers"]
    8
    """
    baseline = _baseline_of(spec)
    if baseline:
        kind, preset = baseline
        sizes = dict(PRESETS[preset])
        if kind == "pixels":
            sizes["num_layers"] = 0
        return sizes
    return exported.read_config(_path(spec))


def _path(spec, student: bool = False) -> pathlib.Path:
    """The exported encoder that is meant."""
    path = pathlib.Path(spec)
    try:
        is_run = (path / "metrics.jsonl").exists()
    except OSError as error:  # a name that no file can have
        raise ValueError(
            f"There can be no encoder at a path of {len(str(path)):,} letters: "
            f"{error.strerror}. Received: {str(path)[:80]!r}."
        ) from error
    if student and not is_run:
        raise ValueError(
            f"Only a run has a student, and {str(spec)!r} is no run. Leave "
            "`student` out."
        )
    released.check_converted(spec)
    if not path.exists():
        raise ValueError(
            f"There is no encoder at {str(spec)!r}. Expected a run directory, "
            "an exported encoder, or one of "
            f"{[f'{baseline}:PRESET' for baseline in BASELINES]}."
        )
    if is_run:
        return _of_run(path, student)
    if (path / "finetune.json").exists():
        return path / "encoder"
    return path


def _baseline_of(spec):
    """The kind of baseline and its preset, if a baseline is meant."""
    kind, colon, preset = str(spec).partition(":")
    if not colon or kind not in BASELINES:
        return None
    if preset not in PRESETS:
        raise ValueError(
            f"Unknown preset {preset!r}. Expected one of {list(PRESETS)}."
        )
    return kind, preset


def _of_run(path, student):
    run = RunDirectory.open(path)
    if not exported.readable_path(run.encoder_path).exists():
        raise ValueError(
            f"The run {str(path)!r} has no exported encoder yet: it exports "
            "one with every checkpoint. Wait for the first checkpoint."
        )
    if not student:
        return run.encoder_path
    if not exported.readable_path(run.student_path).exists():
        raise ValueError(
            f"The run {str(path)!r} has no separate student: only V-JEPA with "
            "a moving average has one. Leave `student` out."
        )
    return run.student_path


def layer_number(encoder, layer) -> int:
    """Returns the number of the block whose features are used.

    Args:
        encoder: a `VideoEncoder`, or `Pixels`.
        layer: int, the block, 0 for the embedding; or a float between 0 and
            1, a share of the depth: 0.95 is block 22 of 24, as in LayerLock
            (arXiv 2509.10156); or `"final_norm"`, which is one more than the
            number of the last block.
    """
    depth = encoder.num_layers
    if layer == "final_norm":
        if layer in encoder.layer_names:
            return depth + 1
        raise ValueError(
            "The encoder has no norm after its last block, as imported ones "
            f"have. Received: {layer!r}. Pass 1.0 for its last block."
        )
    if isinstance(layer, float) and 0.0 <= layer <= 1.0:
        return min(depth, max(int(depth * layer), min(1, depth)))
    has_norm = "final_norm" in encoder.layer_names
    if layer == int(layer) and 0 <= layer <= depth + has_norm:
        return int(layer)
    raise ValueError(
        "A layer is the number of a block, up to the encoder's "
        f"{depth}, or a share of the depth between 0. and 1. "
        f"Received: {layer}."
    )


def fingerprint(encoder) -> str:
    """Returns a hash of the configuration and the weights of an encoder."""
    if isinstance(encoder, Pixels):
        sizes = [encoder.patch_size, encoder.clip_shape]
        return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()[:16]
    config = {k: v for k, v in encoder.get_config().items() if k != "name"}
    digest = hashlib.sha256(
        json.dumps(config, sort_keys=True, default=str).encode()
    )
    for variable in encoder.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()[:16]
