"""Checks of `.keras` files: archives whose configuration builds objects.

Keras builds what the configuration names. Only registered classes, which are
those of LayerLock and of the caller, and the policies of their precision are
let through, in sizes that fit the weights.
"""

import zipfile

import keras

from layerlock import json_files
from layerlock.models import stored

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}
_MAX_CONFIG = 10_000_000  # bytes
_MAX_EXPANSION = 100  # Keras does not compress
_MAX_LAYERS = 10_000


def check(path):
    """Raises `ValueError` unless a file may hold an encoder, or a model of one.

    Args:
        path: of the `.keras` file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = _check_members(path, archive.infolist())
            content = archive.read(_CONFIG)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        UnicodeError,
    ) as error:
        raise ValueError(
            f"{path} is no whole archive of Keras: {error}. Copy it again."
        ) from error
    place = f"{_CONFIG} in {path}"
    model = json_files.decode(content, place)
    if not _is_registered(model):
        raise ValueError(
            f"{path} contains a {str(model.get('class_name'))[:80]}. "
            "Expected a VideoEncoder, or a model that pre-trains one."
        )
    model = {k: v for k, v in model.items() if k != "compile_config"}
    for item in _objects(model):
        _check_object(item, sizes[_WEIGHTS], place)


def _check_members(path, members) -> dict[str, int]:
    """The sizes of an archive's files, if it has those of a model alone."""
    sizes = {member.filename: member.file_size for member in members}
    if sizes.keys() != _MEMBERS:
        raise ValueError(
            f"{path} is no encoder: it contains "
            f"{json_files.shown(sorted(sizes))}. Expected "
            f"{sorted(_MEMBERS)}."
        )
    for member in members:
        if member.file_size > _MAX_EXPANSION * max(member.compress_size, 1):
            raise ValueError(
                f"{member.filename} in {path} claims {member.file_size:,} "
                f"bytes, but {member.compress_size:,} are stored. It was made "
                "to fill the memory, or is damaged."
            )
    if sizes[_CONFIG] > _MAX_CONFIG:
        raise ValueError(
            f"{path} has a configuration of {sizes[_CONFIG]:,} bytes. "
            f"Expected at most {_MAX_CONFIG:,}."
        )
    return sizes


def _objects(tree):
    """Yields the description of each object in a configuration."""
    items = ()
    if isinstance(tree, list):
        items = tree
    elif isinstance(tree, dict):
        items = tree.values()
        if {"class_name", "module", "registered_name"} & tree.keys():
            yield tree
    for item in items:
        yield from _objects(item)


def _check_object(item, num_bytes: int, place):
    """Raises unless an object may be built."""
    config = item.get("config")
    if item.get("registered_name") == stored.CLASS_NAME:
        stored.check_config(config, place)
        stored.check_size(config, num_bytes, place)
    elif _is_registered(item):
        _check_sizes(config, num_bytes, place)
    elif not _is_policy(item):
        raise ValueError(
            f"{place} names {json_files.shown(item.get('class_name'))} of "
            f"{json_files.shown(item.get('module'))}. Expected classes of "
            "LayerLock: others are not built from a file. Register one of "
            "your own with `keras.saving.register_keras_serializable`."
        )


def _is_registered(item) -> bool:
    """Whether the class of an object was registered in this process."""
    name = item.get("registered_name")
    return (
        isinstance(name, str)
        and keras.saving.get_registered_object(name) is not None
    )


def _is_policy(item) -> bool:
    """Whether an object is the precision of a layer."""
    name = item.get("class_name")
    return (
        item.get("module") in ("keras", "keras.dtype_policies")
        and isinstance(name, str)
        and name.endswith("DTypePolicy")
    )


def _check_sizes(config, num_bytes: int, place):
    """Raises if a part of a model is larger than the weights."""
    if not isinstance(config, dict):
        raise ValueError(
            f"{place} must hold the arguments of each part. Received: "
            f"{json_files.shown(config)}."
        )
    widths = sorted(
        value
        for name, value in config.items()
        if name.endswith("_dim") and json_files.is_whole(value)
    )
    counts = [
        value
        for name, value in config.items()
        if name.startswith("num_") and json_files.is_whole(value)
    ]
    weights = (
        widths[-1] * (widths[-2] if len(widths) > 1 else 1) if widths else 0
    )
    if weights > num_bytes or max(counts, default=0) > _MAX_LAYERS:
        raise ValueError(
            f"{place} describes a part of {json_files.shown(config)}, which "
            f"is larger than the weights, {num_bytes:,} bytes."
        )
