"""Frozen features of a split: computed once and kept, where they fit."""

import hashlib
import json
import pathlib
import shutil

import keras
import numpy as np

from layerlock import backends
from layerlock.evaluation import encoders
from layerlock.evaluation.task import SPLITS


class Features:
    """Features and targets of the examples of one split.

    Args:
        extract: a function from clips, uint8 `(batch, frames, height, width,
            3)`, to features `(batch, frames, rows, columns, dim)`.
        examples: the `Examples`.
        folder: path, where to keep them; `None` computes them whenever asked.
        batch_size: int, clips that go through the encoder at a time.
        progress: called with the numbers of examples done and to do.
    """

    def __init__(
        self, extract, examples, folder=None, batch_size=50, progress=None
    ):
        self.examples = examples
        self._extract = extract
        self._values = self._targets = None
        if folder is not None:
            self._keep(pathlib.Path(folder), batch_size, progress)

    def __len__(self):
        return len(self.examples)

    @property
    def shape(self) -> tuple:
        """Shape of one view's features, `(frames, rows, columns, dim)`."""
        return self.batch([0])[0].shape[2:]

    def batch(self, indices) -> tuple[np.ndarray, np.ndarray]:
        """Returns features `(examples, views, ...)` and targets."""
        if self._values is not None:
            return self._values[indices], self._targets[indices]
        views, targets = zip(*(self.examples[i] for i in indices), strict=True)
        return self._compute(np.stack(views)), np.stack(targets)

    def batches(self, size: int = 100):
        """Yields features and targets of all examples, in order."""
        for start in range(0, len(self), size):
            yield self.batch(np.arange(start, min(start + size, len(self))))

    def pooled(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns means over tokens `(examples, views, dim)`, and targets."""
        means, targets = [], []
        for values, truth in self.batches():
            means.append(values.mean(axis=(2, 3, 4), dtype="float32"))
            targets.append(truth)
        return np.concatenate(means), np.concatenate(targets)

    def _compute(self, views):
        clips = views.reshape(-1, *views.shape[2:])
        features = self._extract(clips)
        return features.reshape(*views.shape[:2], *features.shape[1:])

    def _keep(self, folder, batch_size, progress):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._write(folder, batch_size, progress)
            (folder / "complete").touch()
        self._values = np.load(folder / "features.npy", mmap_mode="r")
        self._targets = np.load(folder / "targets.npy", mmap_mode="r")

    def _write(self, folder, batch_size, progress):
        files = {}
        for start in range(0, len(self), batch_size):
            rows = range(start, min(start + batch_size, len(self)))
            for name, array in zip(
                ("features", "targets"), self.batch(list(rows)), strict=True
            ):
                if name not in files:
                    files[name] = np.lib.format.open_memmap(
                        folder / f"{name}.npy",
                        mode="w+",
                        dtype=array.dtype,
                        shape=(len(self), *array.shape[1:]),
                    )
                files[name][rows.start : rows.stop] = array
            if progress is not None:
                progress(rows.stop, len(self))
        for file in files.values():
            file.flush()


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


def compute(encoder, task, layer, folder=None, max_bytes=None, progress=None):
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
    """
    extract = extractor(encoder, layer)
    splits = {split: task.examples(split) for split in SPLITS}
    if folder is not None and max_bytes is not None:
        if _num_bytes(extract, splits) > max_bytes:
            folder = None
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
        views, target = examples[0]
        each = extract(views[:1]).nbytes * len(views) + target.nbytes
        total += each * len(examples)
    return total


def _place(folder, encoder, task, layer, split):
    asked = [type(task).__name__, task.get_config(), layer, split]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    digest.update(encoders.fingerprint(encoder).encode())
    return pathlib.Path(folder) / digest.hexdigest()[:16]


def _named(progress, split):
    return lambda done, total: progress(split, done, total)
