"""Frozen features of a split, computed once and cached if they fit."""

import concurrent.futures
import errno
import os
import pathlib
import shutil

import numpy as np

from layerlock import disk, json_files
from layerlock.data.streams import DecodingError
from layerlock.runs import writing

_NUM_THREADS = min(16, os.cpu_count() or 1)
_MAX_EXAMPLES = 100  # in memory at once
_MAX_BYTES = 1e9  # of their features, in memory at once
_FEATURES_PER_PIXEL = 4  # bytes, of a wide encoder in float32
_FACTS = {
    "numbers": json_files.list_of(json_files.WHOLE),
    "problems": json_files.list_of(json_files.TEXT),
}
_MAX_CLIP_BYTES = 40e6  # encoded at once: 16 clips of 16x224x224


class Features:
    """Features and targets of the examples of one split.

    Unreadable examples are left out and listed in `problems`.

    Args:
        extract: a function from clips, uint8 `(batch, frames, height, width,
            3)`, to features `(batch, frames, rows, columns, dim)`.
        examples: the `Examples`.
        folder: path of the cache; `None` computes the features at each use.
        progress: function of the number of finished examples and the number
            of all examples.

    Attributes:
        problems: list of str, one for each unreadable example.
    """

    def __init__(self, extract, examples, folder=None, progress=None):
        self.examples = examples
        self.problems = []
        self._extract = extract
        self._values = self._targets = self._first = None
        # Numbers of the examples that are readable, as far as known.
        self._numbers = np.arange(len(examples))
        self._unreadable = set()
        if folder is not None:
            self._open_cache(pathlib.Path(folder), progress)

    def __len__(self):
        return len(self._numbers)

    @property
    def shape(self) -> tuple:
        """Shape of one view's features, `(frames, rows, columns, dim)`."""
        if self._values is None:
            views, _ = self.first()
            return self._compute(views[None, :1]).shape[2:]
        return self._values.shape[2:]

    @property
    def groups(self) -> list:
        """The group of each example; see `Examples.group`."""
        return [self.examples.group(int(number)) for number in self._numbers]

    def batch(self, indices) -> tuple[np.ndarray, np.ndarray]:
        """Returns features `(examples, views, ...)` and targets."""
        batch = self._load(indices)
        if batch is None:
            raise DecodingError(
                "All of these examples are unreadable: "
                f"{'; '.join(self.problems[-3:])}"
            )
        return batch

    def batches(self, size: int | None = None):
        """Yields features and targets of all examples, in order.

        Unreadable examples do not count as examples afterwards.

        Args:
            size: int, examples per batch. Defaults to `None`: 100, or fewer
                if their features need more than a gigabyte.
        """
        size = size or self._batch_size()
        self._unreadable.clear()  # what failed once may be read now
        for start in range(0, len(self), size):
            batch = self._load(np.arange(start, min(start + size, len(self))))
            if batch is not None:
                yield batch
        unreadable = np.isin(self._numbers, list(self._unreadable))
        self._numbers = self._numbers[~unreadable]
        if not len(self):
            raise self._no_examples_error()

    def pooled(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns means over tokens `(examples, views, dim)`, and targets."""
        means, targets = [], []
        for values, truth in self.batches():
            means.append(values.mean(axis=(2, 3, 4), dtype="float32"))
            targets.append(truth)
        return np.concatenate(means), np.concatenate(targets)

    def views(self, index: int) -> np.ndarray:
        """Returns the clips of an example."""
        return self.examples[int(self._numbers[index])][0]

    def name(self, index: int) -> str:
        """Returns a readable name of an example."""
        return self.examples.name(int(self._numbers[index]))

    def sample(self, max_bytes: float, max_examples=None) -> np.ndarray:
        """Returns targets of evenly spread examples, up to a size.

        Args:
            max_bytes: float, of all returned targets.
            max_examples: int. Defaults to `None`: no limit.
        """
        each = max(self.first()[1].nbytes, 1)
        count = min(max_bytes // each, max_examples or len(self), len(self))
        indices = np.linspace(0, len(self) - 1, max(1, int(count)))
        indices = np.unique(indices.round().astype(int))
        if self._targets is not None:
            return self._targets[indices]
        read = self._read(self._numbers[indices])
        if not read:
            raise self._no_examples_error()
        return np.stack([target for *_, target in read])

    def first(self):
        """Returns views and target of the first readable example."""
        if self._first is None:
            read = (self._read([number]) for number in self._numbers)
            example = next(filter(None, read), None)
            if example is None:
                raise self._no_examples_error()
            [(_, *self._first)] = example
        return self._first

    def _batch_size(self) -> int:
        """Returns the number of examples that fit into memory."""
        if self._values is not None:
            each = self._values[0].nbytes
        else:
            each = _FEATURES_PER_PIXEL * self.first()[0].nbytes
        return int(np.clip(_MAX_BYTES // each, 1, _MAX_EXAMPLES))

    def _no_examples_error(self):
        return DecodingError(
            f"No example is readable: {'; '.join(self.problems[:3])}"
        )

    def _load(self, indices):
        """Returns features and targets of readable examples, or `None`."""
        if self._values is not None:
            return self._values[indices], self._targets[indices]
        examples = self._read(self._numbers[list(indices)])
        if not examples:
            return None
        _, views, targets = zip(*examples, strict=True)
        return self._compute(np.stack(views)), np.stack(targets)

    def _read(self, numbers) -> list[tuple]:
        """Returns number, views and target of readable examples."""
        with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
            results = list(pool.map(self._read_one, map(int, numbers)))
        return [result for result in results if result is not None]

    def _read_one(self, number):
        try:
            return number, *self.examples[number]
        except DecodingError as error:
            sentence = f"{self.examples.name(number)}: {error}"
            if sentence not in self.problems:
                self.problems.append(sentence)
            self._unreadable.add(number)
            return None

    def _compute(self, views):
        clips = views.reshape(-1, *views.shape[2:])
        size = max(1, int(_MAX_CLIP_BYTES // clips[0].nbytes))
        features = np.concatenate(
            [
                self._extract(clips[start : start + size])
                for start in range(0, len(clips), size)
            ]
        )
        return features.reshape(*views.shape[:2], *features.shape[1:])

    def _open_cache(self, folder, progress):
        if self._has_cache(folder):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with disk.locked(folder.with_name(f"{folder.name}.lock")):
            if self._has_cache(folder):  # written by another process
                return
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._write(folder, progress)
            self._read_cache(folder)

    def _has_cache(self, folder) -> bool:
        """Opens a cache; false if it is missing or damaged."""
        try:
            self._read_cache(folder)
        except Exception:  # NumPy may raise any for a damaged file
            return False
        return True

    def _read_cache(self, folder):
        """Opens the arrays of a complete cache; raises if it is none."""
        place = folder / "facts.json"
        facts = json_files.read(place)
        json_files.check(facts, _FACTS, place, required=_FACTS)
        numbers, total = facts["numbers"], len(self.examples)
        distinct = set(numbers)
        is_whole = distinct and len(distinct) == len(numbers)
        if not is_whole or not distinct <= set(range(total)):
            raise ValueError(f"{place} numbers other examples.")
        values, targets = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("features", "targets")
        )
        fits = values.ndim == 6 and targets.ndim > 0
        if not fits or not len(values) == len(targets) == total:
            raise ValueError(f"{folder} holds no features of these examples.")
        self.problems = facts["problems"]
        self._numbers = np.array(numbers)
        count = len(numbers)
        self._values, self._targets = values[:count], targets[:count]

    def _write(self, folder, progress):
        files, numbers, size = {}, [], self._batch_size()
        for start in range(0, len(self), size):
            rows = range(start, min(start + size, len(self)))
            examples = self._read(rows)
            if examples:
                read, views, targets = zip(*examples, strict=True)
                arrays = {
                    "features": self._compute(np.stack(views)),
                    "targets": np.stack(targets),
                }
                if not files:
                    each = sum(x.nbytes // len(x) for x in arrays.values())
                    _check_room(folder, each * len(self))
                for name, array in arrays.items():
                    if name not in files:
                        files[name] = np.lib.format.open_memmap(
                            folder / f"{name}.npy",
                            mode="w+",
                            dtype=array.dtype,
                            shape=(len(self), *array.shape[1:]),
                        )
                    done = len(numbers)
                    files[name][done : done + len(examples)] = array
                numbers += read
            if progress is not None:
                progress(rows.stop, len(self))
        if not numbers:
            raise self._no_examples_error()
        for file in files.values():
            file.flush()
        facts = {"numbers": numbers, "problems": self.problems}
        # Last: the cache is complete with this file.
        writing.write_json(folder / "facts.json", facts)


def _check_room(folder, num_bytes: int):
    """Raises if a disk is too full: writing a map would end the process."""
    if shutil.disk_usage(folder).free < num_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
