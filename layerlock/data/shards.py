"""Shards: ArrayRecord files that hold many videos, with names and labels.

A record is a header in JSON, and the bytes of one video. The last record of a
shard is its index, which repeats the headers, so that a shard is opened with
one read. Nothing in a shard is executed.
"""

import collections
import glob
import json
import os
import re
import struct
import threading

from layerlock import disk
from layerlock.data import lists, remote, streams
from layerlock.data.streams import DecodingError

ENDING = ".array_record"
_MAGIC = b"LayerLock video\n"
_LENGTH = struct.Struct(">I")  # bytes of the header
_NUMBERED = re.compile(r"(.*)-(\d+)-of-(\d+)" + re.escape(ENDING))
_MAX_OPEN = 64  # files, since a process may open about 1000
# Clips are read at random: nothing is read ahead.
_OPTIONS = "readahead_buffer_size:0,max_parallelism:0"


def are_at(spec) -> bool:
    """Whether a file, a glob or a folder is one of shards.

    A folder with videos or sub-folders is not. Addresses have shards only.
    """
    if remote.is_address(spec):
        return True
    place = os.path.expanduser(os.fspath(spec))
    if place.endswith(ENDING):
        return True
    found = False
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if lists.is_video(entry.name) or entry.is_dir():
                    return False
                found = found or entry.name.endswith(ENDING)
    except OSError:
        return False
    return found


def find(spec) -> tuple[str, list[str], list[str]]:
    """Returns root, shards, and missing shards of a file, a glob or a folder.

    A shard is missing if the names in its folder count more of them.
    """
    if remote.is_address(spec):
        root, found = remote.find(os.fspath(spec), ENDING)
        lost = _missing([os.path.relpath(path, root) for path in found])
        is_folder = "*" not in spec and not spec.endswith(ENDING)
        return root, found, [f"{root}/{name}" for name in lost * is_folder]
    place = os.path.abspath(os.path.expanduser(os.fspath(spec)))
    if os.path.isdir(place):
        names = sorted(
            name
            for name in os.listdir(place)
            if name.endswith(ENDING) and not name.startswith(".")
        )
        missing = [os.path.join(place, name) for name in _missing(names)]
        return place, [os.path.join(place, name) for name in names], missing
    if os.path.lexists(place):
        return os.path.dirname(place), [place], []
    found = sorted(glob.glob(place))
    return _common_folder(found), found, []


def names(num_shards: int) -> list[str]:
    """Returns the file names of a number of shards.

    Example:

    >>> names(2)
    ['shard-00000-of-00002.array_record', 'shard-00001-of-00002.array_record']
    """
    return [
        f"shard-{number:05d}-of-{num_shards:05d}{ENDING}"
        for number in range(num_shards)
    ]


def pack(header: dict, content: bytes = b"") -> bytes:
    """Returns a record of a header, of JSON values, and bytes."""
    text = json.dumps(header).encode("ascii")
    return b"".join([_MAGIC, _LENGTH.pack(len(text)), text, content])


def unpack(record: bytes) -> tuple[dict, bytes]:
    """Returns header and bytes of a record.

    Raises:
        DecodingError: if the record is of another kind.
    """
    start = len(_MAGIC) + _LENGTH.size
    try:
        if not record.startswith(_MAGIC):
            raise ValueError
        (length,) = _LENGTH.unpack(record[len(_MAGIC) : start])
        header = json.loads(record[start : start + length])
    except (ValueError, struct.error) as error:
        raise DecodingError(
            "a record that `layerlock prepare` did not write"
        ) from error
    return header, record[start + length :]


def read_index(path) -> dict:
    """Returns the index of a shard.

    Returns:
        A dict. `videos` has for each record its header, or the reason why the
        record is damaged. An intact index has `failed` and `settings` too.

    Raises:
        DecodingError: if the shard is damaged, with the reason.
    """
    readers = ShardReaders()
    last = readers.count(path) - 1
    try:
        index, _ = readers.read(path, last)
        if "videos" in index:
            return index
    except DecodingError:
        pass  # The headers of the records are the same.
    return {"videos": [_header(readers, path, n) for n in range(last)]}


class ShardReaders:
    """Reads records of shards, and keeps some shards open.

    A copy in another process opens its own files.

    Args:
        copies: of files at addresses, see `remote.copies`. Defaults to none.
    """

    def __init__(self, copies=()):
        remote.remember(dict(copies))
        self._open = collections.OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self):
        return ShardReaders, (remote.copies(),)

    def count(self, path) -> int:
        """Returns the number of records of a shard, with the index."""
        return self._reader(path).num_records()

    def read(self, path, number: int) -> tuple[dict, bytes]:
        """Returns header and bytes of a record.

        Raises:
            DecodingError: if the record cannot be read, with the reason.
        """
        reader = self._reader(path)
        try:
            (record,) = reader.read([number])
        except Exception as error:
            raise DecodingError(_reason(error)) from error
        return unpack(record)

    def _reader(self, path):
        with self._lock:
            reader = self._open.pop(path, None) or _opened(path)
            self._open[path] = reader
            if len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)
        return reader


def _opened(path):
    from array_record.python import array_record_module

    try:
        if remote.is_address(path):
            path = remote.fetch(path)
        if not os.path.getsize(path):
            raise DecodingError("an empty file")
        reader = array_record_module.ArrayRecordReader(
            os.fsencode(path), _OPTIONS, file_reader_buffer_size=2**15
        )
        if not reader.ok():
            reader.read([0])  # raises the reason
        if not reader.num_records():
            raise DecodingError("a damaged shard: it has no records")
    except (DecodingError, disk.DiskError):
        raise
    except OSError as error:
        raise DecodingError(streams.reason(error)) from error
    except Exception as error:
        raise DecodingError(f"a damaged shard: {_reason(error)}") from error
    return reader


def _reason(error) -> str:
    """Returns the first part of the message, which names places in bytes."""
    return streams.reason(error).partition("; ")[0]


def _header(readers, path, number):
    try:
        return readers.read(path, number)[0]
    except DecodingError as error:
        return str(error)


def _missing(names) -> list[str]:
    """Returns the names of `NAME-00003-of-00008` that are not there."""
    sets = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            stem, digits, count = match.groups()
            sets[stem, count] = len(digits)
    expected = [
        f"{stem}-{number:0{width}d}-of-{count}{ENDING}"
        for (stem, count), width in sets.items()
        for number in range(int(count))
    ]
    return sorted(set(expected) - set(names))


def _common_folder(paths) -> str:
    folders = {os.path.dirname(path) for path in paths}
    return os.path.commonpath(folders) if folders else os.curdir
