"""Finds out before training which videos can be read; remembers it."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile

from layerlock.data import decoding, streams
from layerlock.data.streams import Facts

# A cache of another version is not read: raise it when `probe` changes.
_VERSION = 1
_MAX_THREADS = 32


def scan(paths, cache=None, num_threads=None, progress=None) -> list:
    """Reads some frames of every video.

    Results are kept in a cache until a file's size or date changes.

    Args:
        paths: the files.
        cache: folder of the cache; `None` for the user's (`layerlock` in
            `XDG_CACHE_HOME`), `False` for none. Defaults to `None`.
        num_threads: int, `None` for one per core. Defaults to `None`.
        progress: called with the numbers of files done and to do, or `None`.

    Returns:
        A list with, for each path, its `Facts`, or a string that says in one
        line why it cannot be read.
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
    finally:
        memory.save()  # also what was done before an interrupt
    return [results[path] for path in paths]


def default_cache() -> pathlib.Path:
    """Returns the user's folder for what can be found out again."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(home).expanduser() / "layerlock"


def _probe_all(todo, num_threads, progress):
    """Yields path, key and `_probe`'s result of each file, as it is done."""
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
    """Returns whether the result is worth keeping, and the result."""
    try:
        return True, decoding.probe(path)
    except streams.DecodingError as error:
        return not error.may_pass, str(error)
    except Exception as error:
        # Nobody knows what a broken file makes a decoder do.
        return False, f"{type(error).__name__}: {streams.reason(error)}"


def file_key(path):
    """Returns what changes when a file changes, or why there is no file."""
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
    """What earlier scans found: one file of JSON for each folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "scan" if folder else None
        self.tables = {}
        self.changed = set()

    def get(self, path: str, key: list):
        parent, name = os.path.split(path)
        if parent not in self.tables:
            self.tables[parent] = self._read(parent)
        try:
            known_key, result = self.tables[parent][name]
            if known_key != key:
                return None
            return result if isinstance(result, str) else Facts(**result)
        except (KeyError, TypeError, ValueError):
            return None

    def add(self, path: str, key: list, result):
        parent, name = os.path.split(path)
        if not isinstance(result, str):
            result = dataclasses.asdict(result)
        self.tables[parent][name] = [key, result]
        self.changed.add(parent)

    def save(self):
        if self.folder is None:
            return
        for parent in self.changed:
            # Another process may have scanned the same folder meanwhile.
            table = self._read(parent) | self.tables[parent]
            content = {"version": _VERSION, "folder": parent, "files": table}
            try:
                _replace(self._file(parent), json.dumps(content))
            except OSError:
                return  # A cache that cannot be written is a slow start only.

    def _file(self, parent):
        name = hashlib.sha256(os.fsencode(parent)).hexdigest()[:32]
        return self.folder / f"{name}.json"

    def _read(self, parent) -> dict:
        if self.folder is None:
            return {}
        try:
            content = json.loads(self._file(parent).read_bytes())
            if [content["version"], content["folder"]] == [_VERSION, parent]:
                return dict(content["files"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # Absent or corrupt: the files are read again.
        return {}


def _replace(path, text: str):
    """Writes a file that nobody ever sees half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".draft")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
