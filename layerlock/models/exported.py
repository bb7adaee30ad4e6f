"""Saves and loads an encoder: a folder with configuration and weights."""

import contextlib
import json
import os
import pathlib
import warnings

import keras

from layerlock import disk, json_files
from layerlock.backends import weights
from layerlock.models import (
    beside_encoder,
    keras_file,
    released,
    stored,
    transfer,
)
from layerlock.models.beside_encoder import CONFIG, WEIGHTS
from layerlock.models.presets import PRESETS
from layerlock.models.stored import CLASS_NAME

OVERRIDES = (
    "clip_shape",
    "dtype",
    "name",
    "num_decoder_layers",
    "pixel_mean",
    "pixel_std",
    "remat",
    "trainable",
)


class PresetMethods:
    """Mixin of `VideoEncoder`: builds it from a preset, saves and loads it."""

    @classmethod
    def from_preset(cls, preset, **overrides):
        """Builds an encoder of a known size, or loads one from disk.

        Loading runs no code from the files.

        Args:
            preset: str, a name such as `"video_vit_base"` (fresh weights), or
                a path: a folder written by `save_to_preset`, or a `.keras`
                file.
            **overrides: arguments that replace the preset's, such as
                `dtype="mixed_bfloat16"` or `remat="blocks"`.
        """
        if str(preset) in PRESETS:
            return cls(**{**PRESETS[str(preset)], **overrides})
        return load(cls, preset, overrides)

    def save_to_preset(self, path, overwrite=False):
        """Writes `config.json` and `encoder.weights.h5` into a new folder.

        The folder appears complete or not at all.

        Args:
            path: str or path of the folder.
            overwrite: bool, whether to replace an encoder written there
                before; other files beside it are kept. Never replaced is a
                folder without an encoder, or one with a student, a predictor
                or a readout, which would belong to the encoder before.
        """
        save(self, path, overwrite)


def save(encoder, path, overwrite: bool = False):
    """Writes `encoder` to the folder `path` atomically.

    It first repairs the state after a killed save.
    """
    path = pathlib.Path(path).resolve()  # the target of a link
    _recover(path)
    beside_encoder.check_writable(path, overwrite)
    config = encoder.get_config()
    config["dtype"] = encoder.dtype_policy.name  # a name, not a Keras object
    # An exported teacher is trainable after loading.
    config["trainable"] = True
    draft = _sibling(path, "writing")
    draft.mkdir(parents=True)
    try:
        weights.save(encoder, draft / WEIGHTS)
        content = {
            "class_name": CLASS_NAME,
            "config": config,
            "sha256": {WEIGHTS: disk.digest(draft / WEIGHTS)},
        }
        text = json.dumps(content, indent=2)
        disk.write(draft / CONFIG, (text + "\n").encode())
        beside_encoder.copy_others(path, draft)
        disk.flush(draft)
        _replace(path, draft)
        disk.flush(path.parent)
    finally:
        disk.discard(draft)


def readable_path(path) -> pathlib.Path:
    """Returns the folder with the encoder of `path`.

    This is `path`, or the renamed old encoder after a kill between two renames.
    """
    path = pathlib.Path(path)
    if "\0" in str(path):
        raise ValueError(f"A path has a zero byte: {str(path)[:80]!r}.")
    replaced = _sibling(path, "replaced")
    return path if path.exists() or not replaced.exists() else replaced


def identify(path) -> str:
    """A checksum of the encoder in a folder, of its arguments and weights."""
    folder = readable_path(path)
    return stored.identify(folder / CONFIG, folder / WEIGHTS)


def _sibling(path, what):
    # The same name at every save, so that `_recover` finds it.
    path = path.resolve()
    return path.with_name(f".{what}_{path.name}")


def _recover(path):
    """Repairs the state after a killed save."""
    folder = readable_path(path)
    if folder != path:
        folder.rename(path)
    for what in ("writing", "replaced"):
        disk.discard(_sibling(path, what))


def _replace(path, draft):
    if not path.exists():
        draft.rename(path)
        return
    replaced = _sibling(path, "replaced")
    path.rename(replaced)
    try:
        draft.rename(path)
    except BaseException:  # also an interrupt
        replaced.rename(path)
        raise
    disk.discard(replaced)


def load(encoder_class, path, overrides: dict):
    """Loads an encoder from a folder or a `.keras` file; runs no code."""
    released.check_converted(path)
    path = readable_path(path)
    _check_overrides(path, overrides)
    if path.is_dir():
        config = read_config(path)
        overrides, clip_shape = transfer.split_clip_shape(config, overrides)
        file = path / WEIGHTS
        stored.check_digest(path / CONFIG, file)
        stored.check_size(config, file.stat().st_size, file)
        encoder = _build(encoder_class, config, overrides, path / CONFIG)
        _load_weights(encoder, file, overrides)
        return transfer.resized(encoder, clip_shape)
    if path.is_file() and path.suffix == ".keras":
        keras_file.check(path)
        saved = _load_keras_file(path)
        # The teacher of a pre-training model, if it has one.
        saved = getattr(saved, "exported_encoder", saved)
        if not isinstance(saved, encoder_class):
            raise ValueError(
                f"{path} contains a {type(saved).__name__}. Expected a "
                f"{encoder_class.__name__}, or a model that pre-trains one."
            )
        config = {**saved.get_config(), "trainable": True}
        overrides, clip_shape = transfer.split_clip_shape(config, overrides)
        config |= overrides
        encoder = _build(encoder_class, config, {}, path)
        for layer, source in zip(
            encoder.all_layers, saved.all_layers, strict=True
        ):  # by layer: a teacher does not own shared blocks
            layer.set_weights(source.get_weights())
        return transfer.resized(encoder, clip_shape)
    raise ValueError(
        f"Unknown preset {str(path)!r}. Expected one of {list(PRESETS)}, a "
        f"folder with {CONFIG} and {WEIGHTS} (see `save_to_preset`), or a "
        "`.keras` file."
    )


def _build(encoder_class, config, overrides, place):
    """Builds an encoder from a file's arguments and some of the caller."""
    try:
        return encoder_class.from_config({**config, **overrides})
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(
            f"No encoder can be built from {place}"
            f"{f' with {overrides}' if overrides else ''}: {error}"
        ) from error


def _load_weights(encoder, path, overrides):
    """Loads the weights of an encoder; a sentence says what is wrong."""
    try:
        stored.check_weights(path)
        with _without_warnings():
            encoder.load_weights(path)
    except Exception as error:
        # A damaged file may raise any exception in HDF5.
        raise ValueError(
            f"The weights in {path.parent} do not fit an encoder with "
            f"{overrides or 'its own configuration'}, or are damaged: {error} "
            "Override only arguments that keep the weights, such as `dtype` or "
            "`remat`, or copy the file again."
        ) from error


def _load_keras_file(path):
    try:
        with _without_warnings():
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # A damaged file may raise any exception in Keras or HDF5.
        raise ValueError(
            f"{path} cannot be loaded: {type(error).__name__}: {error} Save "
            "the model again."
        ) from error


@contextlib.contextmanager
def _without_warnings():
    """Without those about old versions, after which Keras fails."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping nested container")
        yield


def _check_overrides(path, overrides):
    """Raises if an override changes the network, even if the weights fit."""
    fixed = sorted(set(overrides) - set(OVERRIDES))
    if fixed and path.exists():
        raise ValueError(
            f"The weights in {path} belong to an encoder with its own {fixed}. "
            "Override only arguments that keep the network: "
            f"{list(OVERRIDES)}."
        )


def read_config(path) -> dict:
    """Reads the constructor arguments of the encoder in the folder `path`.

    Raises:
        ValueError: if the folder does not hold an exported encoder.
    """
    released.check_converted(path)
    path = readable_path(path)
    if not path.is_dir():
        raise ValueError(
            f"There is no encoder at {str(path)!r}: no such folder. Expected a "
            "run directory or an exported encoder."
        )
    for name in (CONFIG, WEIGHTS):
        if not (path / name).is_file():
            raise ValueError(
                f"{path} is not an exported encoder: {name} is missing. "
                f"Found: {sorted(os.listdir(path))}. In a run directory, use "
                "the folder encoder/; `encoder.save_to_preset(path)` writes "
                "one."
            )
    content = json_files.read(path / CONFIG)
    if content.get("class_name") != CLASS_NAME:
        raise ValueError(
            f"{path / CONFIG} describes {content.get('class_name')!r}. "
            f"Expected {CLASS_NAME!r}, written by `encoder.save_to_preset`."
        )
    stored.check_config(content.get("config"), path / CONFIG)
    return content["config"]
