"""Reads from its header how many bytes a file should have."""

# What may follow the last packet of a whole file, such as an index: these
# bytes, a share of the file, and bytes for each frame that its header counts.
_END_BYTES = 2**14
_END_SHARE = 0.1
_ENTRY_BYTES = 24
_MAX_PARTS = 1000  # of an AVI
_MAX_BOXES = 100_000  # of an MP4
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def is_whole(video, end: int) -> bool:
    """Returns whether nothing is missing at the end of a file.

    Its header states a size that the file has, and its packets come to the
    end. Only containers that state a size can be whole.

    Args:
        video: a `streams.Video`.
        end: position in the file where its last packet ends.
    """
    name = video.container.format.name.split(",")[0]
    stated = _STATED.get(name)
    if stated is None:
        return False
    with video.open_file() as file:
        length = file.seek(0, 2)
        file.seek(0)
        size = stated(file)
    if size is None or not 0 < size <= length:
        return False
    entries = _ENTRY_BYTES * video.stream.frames
    return length - end <= _END_BYTES + _END_SHARE * length + entries


def has_one_segment(file) -> bool:
    """Returns whether a Matroska file has only one segment, of a known length.

    The clock starts again in a second one. A recording that was written as a
    stream has a segment of unknown length.

    Args:
        file: binary file, at its start.
    """
    size = _matroska(file)
    return size is not None and size >= file.seek(0, 2)


def _matroska(file) -> int | None:
    file.seek(4)
    header, _ = _ebml_size(file)
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    size, is_unknown = _ebml_size(file)
    return None if is_unknown else file.tell() + size


def _ebml_size(file) -> tuple[int, bool]:
    """Reads a size; returns it and whether it means an unknown one."""
    first = file.read(1) or b"\xff"
    length = 9 - first[0].bit_length()
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") % 2**bits
    return value, value == 2**bits - 1


def _avi(file) -> int:
    """Returns the size of all parts; a part has at most a gigabyte."""
    size = 0
    for _ in range(_MAX_PARTS):
        file.seek(size)
        head = file.read(8)
        if len(head) < 8 or head[:4] != b"RIFF":
            break
        size += 8 + int.from_bytes(head[4:], "little")
    return size


def _mov(file) -> int | None:
    """Returns the size of all boxes; the last one may have none."""
    length, size = file.seek(0, 2), 0
    for _ in range(_MAX_BOXES):
        file.seek(size)
        head = file.read(16)
        if len(head) < 8:
            return size
        box = int.from_bytes(head[:4], "big")
        if box == 0:
            return length
        if box == 1:
            box = int.from_bytes(head[8:], "big")
        size += max(box, 8)
    return None


def _asf(file) -> int | None:
    head = file.read(2**16)
    at = head.find(_ASF_FILE_PROPERTIES) + 40
    return int.from_bytes(head[at : at + 8], "little") if 40 <= at else None


def _flv(file) -> int | None:
    """Returns the size, if the last tag is whole: its size follows it."""
    length = file.seek(0, 2)
    file.seek(max(0, length - 4))
    size = int.from_bytes(file.read(4), "big")
    start = length - 4 - size
    if not 13 <= start:
        return None
    file.seek(start + 1)
    return length if int.from_bytes(file.read(3), "big") + 11 == size else None


_STATED = {
    "mov": _mov,
    "matroska": _matroska,
    "avi": _avi,
    "asf": _asf,
    "flv": _flv,
}
