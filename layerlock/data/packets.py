"""Reads the packets of a video from a time on, on one continuous clock."""

import itertools

from layerlock.data import streams

# Containers with an index of key frames, whose seeks are exact. In others
# (MPEG program and transport streams, FLV, ASF, Ogg, raw streams), time stamps
# after a seek differ or start again: their packets are read from the start,
# and only decoded from the key frame before the time.
_INDEXED = ("mov", "matroska", "avi")
_MAX_BACKWARDS = 16  # frames; codecs reorder by less
# Seconds without a packet after which a clock has jumped, as in FFmpeg. These
# containers state no duration: FFmpeg subtracts the first time stamp from the
# last. Other containers keep longer pauses.
MAX_GAP = {"mpegts": 10.0, "mpeg": 10.0}
_MAX_GAP = 30 * 3600.0
_MAX_FAULTS = 1000  # errors of the container before reading stops


def packets_from(container, stream, seconds: float):
    """Yields the packets from the key frame before a time on.

    Returns nothing to decode if the container cannot seek.

    Args:
        container: of PyAV, just opened.
        stream: its video stream.
        seconds: since the beginning of the video; 0 for all packets.
    """
    if seconds <= 0:
        return _continuous(container, stream)
    if _is_indexed(container):
        if not _seek(container, stream, seconds):
            return iter(())
        return _readable(container, stream)
    return _from_key_frame(_continuous(container, stream), stream, seconds)


def seconds_of(stamp: int, stream) -> float:
    """Returns the seconds of a time stamp since the beginning."""
    return (stamp - (stream.start_time or 0)) * float(stream.time_base)


def stamp_of(packet) -> int | None:
    """Returns the time stamp of a packet or a frame, if it has one."""
    return packet.pts if packet.pts is not None else packet.dts


def last_stamp(container, stream) -> float:
    """Returns the latest time of all packets, in seconds, without decoding."""
    stamps = map(stamp_of, _continuous(container, stream))
    last = max((s for s in stamps if s is not None), default=None)
    return 0.0 if last is None else max(0.0, seconds_of(last, stream))


def _is_indexed(container) -> bool:
    name = container.format.name.split(",")[0]
    if name == "matroska" and _may_continue(container.name):
        return False
    return name in _INDEXED


def _may_continue(path) -> bool:
    """Returns whether a Matroska file has more than its first segment.

    The clock starts again in the second one. A recording that was written as a
    stream has a segment of unknown length.
    """
    with open(path, "rb") as file:
        file.seek(4)
        header, _ = _ebml_size(file)
        file.seek(header, 1)
        if file.read(4) != b"\x18\x53\x80\x67":
            return True
        size, is_unknown = _ebml_size(file)
        end = file.tell() + size
        return is_unknown or end < file.seek(0, 2)


def _ebml_size(file) -> tuple[int, bool]:
    """Reads a size; returns it and whether it means an unknown one."""
    first = file.read(1) or b"\xff"
    length = 9 - first[0].bit_length()
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") % 2**bits
    return value, value == 2**bits - 1


def _seek(container, stream, seconds) -> bool:
    import av

    ticks = int(seconds / stream.time_base) + (stream.start_time or 0)
    try:
        container.seek(ticks, stream=stream, backward=True)
    except (av.FFmpegError, OSError):
        return False
    return True


def _readable(container, stream):
    """Yields the packets that the container gives, over its faults."""
    import av

    packets = container.demux(stream)
    for _ in range(_MAX_FAULTS):
        try:
            yield from packets
            return
        except (av.InvalidDataError, IndexError):
            # Damage, or a stream that appears late, of which PyAV knows
            # nothing. The container goes on behind it.
            packets = container.demux(stream)


def _continuous(container, stream):
    """Yields all packets; shifts the stamps where their clock starts again.

    Containers with an index have one clock, of which a seek sees a part: it is
    not changed.
    """
    packets = _readable(container, stream)
    if _is_indexed(container):
        yield from packets
        return
    tick = float(stream.time_base)
    frame = 1 / streams.rate(stream) / tick  # ticks
    gap = MAX_GAP.get(container.format.name, _MAX_GAP) / tick
    shift, newest, latest = 0, None, 0  # ticks; latest is that of any pts
    for packet in packets:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            step = stamp + shift - newest if newest is not None else 0
            if not -_MAX_BACKWARDS * frame <= step <= gap:
                shift = newest + frame - stamp
                if packet.is_keyframe:  # after all frames of the first part
                    shift = max(shift, latest + frame - stamp_of(packet))
                shift = round(shift)
            newest = stamp + shift
            latest = max(latest, stamp_of(packet) + shift)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        yield packet


def _from_key_frame(packets, stream, seconds):
    """Yields the packets from the last key frame before a time on."""
    kept = []
    for packet in packets:
        stamp = stamp_of(packet)
        time = None if stamp is None else seconds_of(stamp, stream)
        if packet.is_keyframe and time is not None and time <= seconds:
            kept.clear()
        kept.append(packet)
        # Later packets in the file are shown later than their decoding time.
        if packet.dts is not None and seconds_of(packet.dts, stream) > seconds:
            break
    yield from itertools.chain(kept, packets)
