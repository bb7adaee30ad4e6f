"""Writes small videos with the quirks that real folders have.

Every frame shows its number as black and white cells. The first row of cells
is white, black, black, black, so that a frame that is not upright is noticed.
"""

import contextlib
import fractions
import os
import struct

import numpy as np

ROWS, COLUMNS = 3, 4
MILLISECOND = fractions.Fraction(1, 1000)
# Codec and pixels of pictures, by the ending of their names.
PICTURES = {
    ".bmp": ("bmp", "bgr24"),
    ".jpg": ("mjpeg", "yuvj420p"),
    ".png": ("png", "rgb24"),
    ".tif": ("tiff", "rgb24"),
    ".webp": ("libwebp", "yuv420p"),
}
# 16.16 fixed point: the stored frame is turned clockwise to be shown.
MATRICES = {
    90: (0, 1, 0, -1, 0, 0, 0, 0, 1 << 14),
    180: (-1, 0, 0, 0, -1, 0, 0, 0, 1 << 14),
    270: (0, -1, 0, 1, 0, 0, 0, 0, 1 << 14),
}


def image(
    number: int, height: int = 48, width: int = 64, mark: int = 0
) -> np.ndarray:
    """The upright frame that shows a number up to 255, and faintly a mark."""
    bits = [1, 0, 0, 0] + [number >> bit & 1 for bit in range(8)]
    cells = np.array(bits, "uint8") * 200 + 25
    cells -= np.array([20 * (mark >> n & 1) for n in range(12)], "uint8")
    cells = cells.reshape(ROWS, COLUMNS)
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.repeat(cells[rows][:, columns, None], 3, axis=-1)


def number(picture: np.ndarray) -> int:
    """The number that a frame of any size shows."""
    height, width = picture.shape[:2]
    rows = (np.arange(ROWS) * 2 + 1) * height // (2 * ROWS)
    columns = (np.arange(COLUMNS) * 2 + 1) * width // (2 * COLUMNS)
    bits = (picture[rows][:, columns].mean(-1) > 128).astype(int).ravel()
    assert bits[:4].tolist() == [1, 0, 0, 0], "the frame is not upright"
    return sum(int(bit) << place for place, bit in enumerate(bits[4:]))


def numbers(clip: np.ndarray) -> list[int]:
    return [number(picture) for picture in clip]


def write_picture(path, number: int, mark: int = 0):
    """Writes a picture of the kind that its name ends in."""
    import av

    codec, pixels = PICTURES[os.path.splitext(path)[1]]
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream(codec, rate=1)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        frame = av.VideoFrame.from_ndarray(
            image(number, mark=mark), format="rgb24"
        )
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@contextlib.contextmanager
def same_scheduling():
    """Keeps how the system schedules this thread.

    SVT-AV1 makes the thread that opens it a real-time one where it may (as
    root), for good. Nothing else would then run on that core.
    """
    if not hasattr(os, "sched_getscheduler"):  # macOS
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def write(
    path,
    count=20,
    fps=10,
    height=48,
    width=64,
    codec="libx264",
    stamps=None,
    swaps=False,
    turn=0,
    key_frames=5,
    small_stream=False,
    options=None,
    index_first=False,
    ticks=1000,
    mark=0,
):
    """Writes a video of `count` frames.

    Args:
        stamps: milliseconds of each frame, instead of equal distances.
        swaps: whether stamps of neighbours are exchanged in the file.
        turn: degrees, clockwise, that players turn the frames by; mp4 only.
        key_frames: distance of key frames.
        small_stream: adds a smaller stream that counts from 200 on, first.
        index_first: whether an mp4 can be opened without its end.
        ticks: of the encoder, per second; MPEG-2 takes its own rate only.
        mark: int up to 4095, by which a video differs from others.
    """
    import av

    stamps = stamps or [round(1000 * n / fps) for n in range(count)]
    flags = {"movflags": "faststart"} if index_first else {}
    with (
        same_scheduling(),
        av.open(str(path), "w", options=flags) as container,
    ):
        streams = []
        if small_stream:
            streams.append((_add(container, codec, fps, 24, 32), 24, 32, 200))
        stored = (width, height) if turn % 180 else (height, width)
        main = _add(container, codec, fps, *stored, key_frames, options)
        main.codec_context.time_base = fractions.Fraction(1, ticks)
        streams.append((main, height, width, 0))
        for n, stamp in enumerate(stamps):
            for stream, rows, columns, first in streams:
                picture = image(first + n, rows, columns, mark)
                if stream is main:
                    picture = np.rot90(picture, turn // 90)
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(picture), format="rgb24"
                )
                frame.pts, frame.time_base = stamp, MILLISECOND
                _mux(container, stream, frame, swaps, fps)
        for stream, *_ in streams:
            _mux(container, stream, None, swaps, fps)
    if turn:
        _turn(path, turn)
    return path


def write_with_still(path, first="video", codec="mjpeg", count=1, sound=False):
    """Writes a video and a larger picture, which no tag calls a cover.

    Args:
        first: stream that is first in the file, `"video"` or `"still"`.
        codec: of the picture.
        count: number of pictures.
        sound: whether a stream of sound, without any, is before both.
    """
    import av

    with av.open(str(path), "w") as container:
        names = ("video", "still") if first == "video" else ("still", "video")
        made = {}
        if sound:
            made["sound"] = container.add_stream("aac", rate=16_000)
        for name in names:
            if name == "video":
                made[name] = _add(container, "libx264", 10, 48, 64)
            else:
                made[name] = _add(container, codec, 10, 96, 128)
                if codec == "mjpeg":
                    made[name].pix_fmt = "yuvj420p"
                made[name].codec_context.time_base = fractions.Fraction(1, 10)
        for n in range(20):
            for name, rows, columns in (("still", 96, 128), ("video", 48, 64)):
                if name == "still" and n >= count:
                    continue
                frame = av.VideoFrame.from_ndarray(
                    image(n, rows, columns), format="rgb24"
                )
                frame.pts, frame.time_base = 100 * n, MILLISECOND
                container.mux(made[name].encode(frame))
        for stream in made.values():
            container.mux(stream.encode(None))
    return path


def copy_packets(
    path,
    target,
    first=0,
    container_options=None,
    durations=None,
    skip=0,
    empty=0,
):
    """Copies the video of a file without a decoder, as a cut does.

    Args:
        first: seconds that are hidden at the start by negative time stamps.
        durations: for numbers of packets, seconds that each lasts.
        skip: number of packets that are left out at the start.
        empty: number of empty packets at the end, which AVI repeats frames by.
    """
    import av

    durations = durations or {}
    # "disabled": stamps stay negative, for which mp4 writes an edit list.
    options = {"avoid_negative_ts": "disabled"} | (container_options or {})
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", options=options) as copy,
    ):
        stream = source.streams.video[0]
        output = copy.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.dts is None or number < skip:
                continue
            shift = round(first / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if number in durations:
                packet.duration = round(durations[number] / packet.time_base)
            packet.stream = output
            copy.mux(packet)
            last = packet.dts
        for number in range(1, empty + 1):
            packet = av.Packet(b"")
            packet.stream, packet.time_base = output, stream.time_base
            packet.pts = packet.dts = last + number
            copy.mux(packet)
    return target


def write_sound(path, seconds=1):
    """Writes a file that has sound only."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        silence = np.zeros((1, 1024), "float32")
        for n in range(seconds * 16):
            frame = av.AudioFrame.from_ndarray(silence, "fltp", "mono")
            frame.sample_rate, frame.pts = 16_000, 1024 * n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _add(container, codec, fps, height, width, key_frames=5, options=None):
    stream = container.add_stream(codec, rate=fps, options=options or {})
    stream.height, stream.width = height, width
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = key_frames
    stream.codec_context.time_base = MILLISECOND
    return stream


def _mux(container, stream, frame, swaps, fps):
    for packet in stream.encode(frame):
        if swaps:
            step = round(1 / fps / packet.time_base)
            n = round(packet.pts / step)
            # Later by two frames, since no frame is shown before it is read.
            packet.pts = ((n + 2) ^ 1) * step
        container.mux(packet)


def set_matrix(path, matrix):
    """Sets the display matrix `a, b, c, d` of an mp4, whole numbers."""
    a, b, c, d = matrix
    _set_matrix(path, (a, b, 0, c, d, 0, 0, 0, 1 << 14))


def _turn(path, turn):
    _set_matrix(path, MATRICES[turn])


def _set_matrix(path, matrix):
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    values = [value << 16 for value in matrix]
    content[at : at + 36] = struct.pack(">9i", *values)
    path.write_bytes(content)
