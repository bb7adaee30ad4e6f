"""Reads the packets of a video from a time on, on one continuous clock."""

import itertools

from layerlock.data import extent, streams

# Containers with an index of key frames, whose seeks are exact. In others
# (MPEG program and transport streams, FLV, ASF, Ogg, raw streams), time stamps
# after a seek differ or start again: their packets are read from the start,
# and only decoded from the key frame before the time.
_INDEXED = ("mov", "matroska", "avi")
# Frames that a stamp may be before the one of the packet before: a time of
# decoding, which ascends, and one of presentation, as codecs reorder.
_MAX_BACKWARDS = 2
_MAX_REORDERED = 16
# Seconds without a packet after which a clock has jumped, as in FFmpeg. These
# containers state no duration: FFmpeg subtracts the first time stamp from the
# last. Other containers keep longer pauses.
MAX_GAP = {"mpegts": 10.0, "mpeg": 10.0}
_MAX_GAP = 30 * 3600.0
# Containers whose time stamps may be those of decoding only.
_OF_DECODING = ("avi", "asf", "mxf")
# Containers whose reader may end at damage, before the file does.
_ENDS_AT_DAMAGE = ("matroska", "avi", "asf")
_FIRST_JUMP = 1.0  # seconds ahead; twice as far whenever nothing is found
_MAX_JUMPS = 100
_MAX_FAULTS = 1000  # errors of the container before reading stops


def packets_from(video, seconds: float):
    """Yields the packets from the key frame before a time on.

    Returns nothing to decode if the container cannot seek.

    Args:
        video: a `streams.Video`, just opened.
        seconds: since the beginning of the video; 0 for all packets.
    """
    if seconds <= 0:
        return _continuous(video)
    if is_indexed(video):
        if not _seek(video, seconds):
            return iter(())
        return _readable(video)
    if has_stamps_of_decoding(video):  # those of the key frame are early
        seconds -= _MAX_REORDERED / streams.rate(video.stream)
    return _from_key_frame(_continuous(video), video.stream, seconds)


def has_stamps_of_decoding(video) -> bool:
    """Whether time stamps may be in the order of decoding, not of showing."""
    return (
        video.container.format.name in _OF_DECODING
        and video.stream.codec_context.has_b_frames
    )


def seconds_of(stamp: int, stream) -> float:
    """Returns the seconds of a time stamp since the beginning."""
    return (stamp - (stream.start_time or 0)) * float(stream.time_base)


def stamp_of(packet) -> int | None:
    """Returns the time stamp of a packet or a frame, if it has one."""
    return packet.pts if packet.pts is not None else packet.dts


def counted(video) -> tuple[int, float, float]:
    """Returns the number of packets, and their first and last second.

    Packets without a time stamp count between others that have one.
    """
    count, waiting, first, last = 0, 0, None, 0.0
    for packet in _continuous(video):
        stamp = stamp_of(packet)
        waiting += packet.size > 0
        if stamp is not None:
            time = seconds_of(stamp, video.stream)
            count += 1 if first is None else waiting
            first = time if first is None else min(first, time)
            last, waiting = max(last, time), 0
    return count, first or 0.0, last


def last_byte(video) -> int:
    """Returns where in the file the last packet of any stream ends."""
    ends = [
        packet.pos + packet.size
        for packet in _until_end(video.container)
        if packet.pos is not None
    ]
    return max(ends, default=0)


def is_indexed(video) -> bool:
    """Whether seeks are exact; other videos are read from their start."""
    name = video.container.format.name.split(",")[0]
    if name == "matroska":
        with video.open_file() as file:
            return extent.has_one_segment(file)
    return name in _INDEXED


def _seek(video, seconds) -> bool:
    import av

    stream = video.stream
    ticks = int(seconds / stream.time_base) + (stream.start_time or 0)
    try:
        video.container.seek(ticks, stream=stream, backward=True)
    except (av.FFmpegError, OSError):
        return False
    return True


def _readable(video):
    """Yields the packets that the container gives, over its faults.

    Some containers end at damage that no packet can be found in. Reading goes
    on at the first key frame that a seek finds behind it.
    """
    place = _Place(video.stream)
    name = video.container.format.name.split(",")[0]
    found = _until_end(video.container, video.stream)
    if name == "avi":
        found = _on_clock_of_index(found, video.stream)
    for packet in found:
        place.advance(packet)
        yield packet
    if name not in _ENDS_AT_DAMAGE:
        return
    claimed = streams.header_duration(video.stream) or 0.0
    ahead = _FIRST_JUMP
    for _ in range(_MAX_JUMPS):
        if place.time + ahead >= claimed:
            return
        started = False
        if _seek(video, place.time + ahead):
            for packet in _until_end(video.container, video.stream):
                started = started or place.is_before(packet)
                if started:
                    place.advance(packet)
                    yield packet
        ahead = _FIRST_JUMP if started else 2 * ahead


class _Place:
    """How far the packets of a video have been read.

    Both in the file and in time: the clock of a damaged AVI falls behind.
    """

    def __init__(self, stream):
        self.stream = stream
        self.time = 0.0  # of decoding if it is known, in seconds
        self.position = 0  # bytes

    def advance(self, packet):
        self.time = max(self.time, self._time_of(packet))
        self.position = max(self.position, packet.pos or 0)

    def is_before(self, packet) -> bool:
        """Whether reading may go on with a packet."""
        return (
            packet.is_keyframe
            and self._time_of(packet) > self.time
            and (packet.pos or 0) > self.position
        )

    def _time_of(self, packet) -> float:
        stamp = packet.dts if packet.dts is not None else packet.pts
        return 0.0 if stamp is None else seconds_of(stamp, self.stream)


def _on_clock_of_index(packets, stream):
    """Yields packets of an AVI with the times that its index has for them.

    FFmpeg counts packets; behind damage, it misses what it has not found.
    """
    entries, times = stream.index_entries, {}
    for packet in packets:
        if packet.dts is not None and packet.is_keyframe and not times:
            number = entries.search_timestamp(packet.dts, any_frame=True)
            # The index points to the 8 bytes before a packet.
            if number >= 0 and entries[number].pos + 8 != packet.pos:
                times = {entry.pos + 8: entry.timestamp for entry in entries}
        packet.dts = times.get(packet.pos, packet.dts)
        yield packet


def _until_end(container, *chosen):
    """Yields packets of some streams, or all, until the container ends."""
    import av

    # Damage, a part without any packet, as zeros in MPEG-TS, or a stream that
    # appears late, of which PyAV knows nothing.
    damage = (av.InvalidDataError, av.PatchWelcomeError, av.BlockingIOError)
    packets = container.demux(*chosen)
    for _ in range(_MAX_FAULTS):
        try:
            yield from packets
            return
        except (*damage, IndexError):  # the container goes on behind it
            packets = container.demux(*chosen)


def _continuous(video):
    """Yields all packets; shifts the stamps where their clock starts again.

    Containers with an index have one clock, of which a seek sees a part: it is
    not changed.
    """
    packets = _readable(video)
    if is_indexed(video):
        yield from packets
        return
    stream = video.stream
    tick = float(stream.time_base)
    frame = 1 / streams.rate(stream) / tick  # ticks
    gap = MAX_GAP.get(video.container.format.name, _MAX_GAP) / tick
    shift, newest, latest = 0, None, 0  # ticks; latest is that of any pts
    ascends = False  # whether the newest stamp is one of decoding
    for packet in packets:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            step = stamp + shift - newest if newest is not None else 0
            both_ascend = ascends and packet.dts is not None
            back = _MAX_BACKWARDS if both_ascend else _MAX_REORDERED
            ascends = packet.dts is not None
            if not -back * frame <= step <= gap:
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
