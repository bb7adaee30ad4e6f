"""Features of every split of a task, from one block of an encoder."""

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
    """Returns a function from clips to one layer's features, as NumPy.

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
    """Returns the features of every split of a task, by its name.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        task: a `Task`.
        layer: int, the block.
        folder: path under which to keep them. Defaults to `None`: nowhere.
        max_bytes: int, keep them only if all splits together fit. Defaults to
            `None`: no limit.
        progress: called with a split and the numbers of examples done and to
            do.
        print_fn: function that prints a message, called if they are too
            large to be kept. Defaults to `None`.
    """
    extract = extractor(encoder, layer)
    splits = {split: task.examples(split) for split in SPLITS}
    if folder is not None and max_bytes is not None:
        needed = _num_bytes(extract, splits)
        if needed > max_bytes:
            folder = None
            if print_fn is not None:
                print_fn(
                    f"Features take {needed / 1e9:.1f} GB, and "
                    f"{max_bytes / 1e9:.1f} GB may be kept: they are computed "
                    "anew whenever they are needed."
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
        found = Features(extract, examples)
        views, target = found.first()
        values = len(views) * math.prod(found.shape)  # float32
        total += len(examples) * (4 * values + target.nbytes)
    return total


def _place(folder, encoder, task, layer, split):
    asked = [type(task).__name__, task.get_config(), layer, split]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    digest.update(encoders.fingerprint(encoder).encode())
    return pathlib.Path(folder) / digest.hexdigest()[:16]


def _named(progress, split):
    return lambda done, total: progress(split, done, total)
