"""Checks before training which videos are readable, with a cache."""

import concurrent.futures
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import tempfile
import time

from layerlock.data import decoding, streams
from layerlock.data.streams import Facts

# Version of our reader: increase it when `probe` or `read_frames` changes.
_VERSION = 5
_MAX_THREADS = 32
_SECONDS = 60  # between two saves of the cache


def scan(paths, cache=None, num_threads=None, progress=None) -> list:
    """Reads some frames of every video.

    Results are cached until the size or the date of a file changes, or the
    version of the decoder.

    Args:
        paths: the files.
        cache: folder of the cache; `None` for the user's (`layerlock` in
            `XDG_CACHE_HOME`), `False` for none. Defaults to `None`.
        num_threads: int, `None` for one per core. Defaults to `None`.
        progress: function of the number of finished files and the number of
            all files, or `None`.

    Returns:
        A list with the `Facts` of each path, or a string with the reason why
        it is unreadable.
    """
    paths = [os.path.abspath(path) for path in paths]
    memory = _Cache(default_cache() if cache is None else cache)
    results = {}
    todo = []
    for path in dict.fromkeys(paths):
        key = file_key(path)
        if isinstance(key, streams.DecodingError):
            results[path] = str(key)
        elif (known := memory.get(path, key)) is not None:
            results[path] = known
        else:
            todo.append((path, key))
    try:
        for path, key, result in _probe_all(todo, num_threads, progress):
            lasts, results[path] = result
            if lasts:
                memory.add(path, key, results[path])
                memory.save_at_times()  # for a signal, or a crash of a decoder
    finally:
        memory.save()  # also after an interrupt
    return [results[path] for path in paths]


def default_cache() -> pathlib.Path:
    """Returns the folder of the cache of the user."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(home).expanduser() / "layerlock"


def _probe_all(todo, num_threads, progress):
    """Yields path, key and result of each file when it is finished."""
    if todo:
        streams.require_av()
    num_threads = num_threads or min(_MAX_THREADS, os.cpu_count() or 1)
    pool = concurrent.futures.ThreadPoolExecutor(num_threads)
    try:
        futures = {pool.submit(_probe, path): (path, key) for path, key in todo}
        done = concurrent.futures.as_completed(futures)
        for count, future in enumerate(done, start=1):
            yield *futures[future], future.result()
            if progress is not None:
                progress(count, len(todo))
    finally:
        pool.shutdown(cancel_futures=True)


def _probe(path):
    """Returns whether to cache the result, and the result."""
    try:
        return True, decoding.probe(path)
    except streams.DecodingError as error:
        return not error.may_pass, str(error)
    except Exception as error:
        # A broken file may raise any exception in a decoder.
        return False, f"{type(error).__name__}: {streams.reason(error)}"


def file_key(path):
    """Returns a key that changes with the file, or an error."""
    if "\0" in path:
        return streams.DecodingError("a name with a zero byte, as no file has")
    try:
        facts = os.stat(path)
    except OSError as error:
        dangling = os.path.islink(path)
        return streams.DecodingError(
            "a link to a file that does not exist"
            if dangling
            else streams.reason(error)
        )
    if os.path.isdir(path):
        return streams.DecodingError("a folder, not a video")
    if not os.path.isfile(path):
        return streams.DecodingError("not a file")
    if not facts.st_size:
        return streams.DecodingError("an empty file")
    return [facts.st_size, facts.st_mtime_ns]


class _Cache:
    """Results of earlier scans: one file of JSON per folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "scan" if folder else None
        self.tables = {}
        self.changed = set()
        self._next_save = time.monotonic() + _SECONDS

    def get(self, path: str, key: list):
        parent, name = os.path.split(path)
        if parent not in self.tables:
            self.tables[parent] = self._read(parent)
        try:
            known_key, result = self.tables[parent][name]
            if known_key != key:
                return None
            return result if isinstance(result, str) else _facts(result)
        except (KeyError, TypeError, ValueError):
            return None

    def add(self, path: str, key: list, result):
        parent, name = os.path.split(path)
        if not isinstance(result, str):
            result = dataclasses.asdict(result)
        self.tables[parent][name] = [key, result]
        self.changed.add(parent)

    def save_at_times(self):
        """Saves now and then, so that it takes little of the time."""
        started = time.monotonic()
        if started < self._next_save:
            return
        self.save()
        ended = time.monotonic()
        self._next_save = ended + max(_SECONDS, 20 * (ended - started))

    def save(self):
        if self.folder is None:
            return
        while self.changed:
            parent = self.changed.pop()
            # Another process may have scanned the same folder.
            table = self._read(parent) | self.tables[parent]
            content = _versions() | {"folder": parent, "files": table}
            try:
                _replace(self._file(parent), json.dumps(content))
            except OSError:
                return  # Without the cache, only the next start is slower.

    def _file(self, parent):
        name = hashlib.sha256(os.fsencode(parent)).hexdigest()[:32]
        return self.folder / f"{name}.json"

    def _read(self, parent) -> dict:
        if self.folder is None:
            return {}
        try:
            content = json.loads(self._file(parent).read_bytes())
            expected = _versions() | {"folder": parent}
            if all(content[name] == expected[name] for name in expected):
                return dict(content["files"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass  # Missing or corrupt: the files are read again.
        return {}


def _facts(values: dict) -> Facts:
    """Returns facts that were kept, if they may be those of a video."""
    facts = Facts(**values)
    numbers = dataclasses.astuple(facts)
    if not all(
        isinstance(n, int | float) and math.isfinite(n) for n in numbers
    ):
        raise ValueError("not numbers")
    if min(facts.duration, facts.fps, facts.width, facts.height) <= 0:
        raise ValueError("not positive")
    return facts


def _versions() -> dict:
    """Returns what decides how a file is read: a newer one may read more."""
    return {"version": _VERSION, "pyav": streams.version()}


def _replace(path, text: str):
    """Writes a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".draft")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
