"""Extracts the features of every split of a task from one block."""

import hashlib
import json
import math
import pathlib

import keras

from layerlock import backends
from layerlock.evaluation import encoders
from layerlock.evaluation.features import Features
from layerlock.evaluation.task import SPLITS


def extractor(encoder, layer: int):
    """Returns a function from clips to features of one layer, as NumPy.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        layer: int, the block; see `encoders.layer_number`.
    """
    name = encoder.layer_names[layer]

    def compute(clips):
        return encoder.features(clips, layers=[name])[name]

    if isinstance(encoder, keras.Model):
        compute = backends.compiled(encoder, compute)

    def extract(clips):
        features = keras.ops.cast(compute(clips), "float32")
        return keras.ops.convert_to_numpy(features)

    return extract


def compute(
    encoder,
    task,
    layer,
    folder=None,
    max_bytes=None,
    progress=None,
    print_fn=None,
):
    """Returns a dict from split to the features of its examples.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        task: a `Task`.
        layer: int, the block.
        folder: path of the cache. Defaults to `None`: no cache.
        max_bytes: int, size up to which the features of all splits together
            are cached. Defaults to `None`: no limit.
        progress: function of a split, the number of finished examples and the
            number of all examples.
        print_fn: function that prints a message, called if the features are
            too large for the cache. Defaults to `None`.
    """
    extract = extractor(encoder, layer)
    splits = {split: task.examples(split) for split in SPLITS}
    if folder is not None and max_bytes is not None:
        needed = _num_bytes(extract, splits)
        if needed > max_bytes:
            folder = None
            if print_fn is not None:
                print_fn(
                    f"The features need {needed / 1e9:.1f} GB, above the limit "
                    f"of {max_bytes / 1e9:.1f} GB of the cache. They are "
                    "computed again at each use."
                )
    return {
        split: Features(
            extract,
            examples,
            folder and _place(folder, encoder, task, layer, split),
            progress=progress and _named(progress, split),
        )
        for split, examples in splits.items()
    }


def _num_bytes(extract, splits) -> int:
    total = 0
    for examples in splits.values():
        features = Features(extract, examples)
        views, target = features.first()
        values = len(views) * math.prod(features.shape)  # float32
        total += len(examples) * (4 * values + target.nbytes)
    return total


def _place(folder, encoder, task, layer, split):
    key = [type(task).__name__, task.get_config(), layer, split]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    digest.update(encoders.fingerprint(encoder).encode())
    return pathlib.Path(folder) / digest.hexdigest()[:16]


def _named(progress, split):
    return lambda done, total: progress(split, done, total)
