"""Writes videos from frames, and copies that decode faster."""

import fractions
import math
import os
import pathlib

import numpy as np

from layerlock.data import decoding, streams
from layerlock.data.streams import require_av

# Ticks per second: a multiple of the usual frame rates and of 1000.
_TICKS = 90_000


def write_video(path, frames, fps: float):
    """Writes an mp4 (H.264).

    Args:
        path: the file.
        frames: iterable of uint8 arrays `(height, width, 3)` of one even
            size.
        fps: float, frames per second.

    Example:

    ```python
    write_video("noise.mp4", np.zeros((8, 64, 64, 3), "uint8"), fps=8)
    ```
    """
    av = require_av()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=fractions.Fraction(round(fps * 1000), 1000)
        )
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18"}
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def transcode(
    path, target, short_side=None, key_frame_seconds=0.5, span=None, crf=20
) -> int:
    """Writes a copy of a video that decodes faster.

    The copy is upright and smaller, in H.264 without features that are slow to
    decode, and has frequent key frames, so that a clip needs little decoding.
    The times of the frames are kept; sound is dropped. The copy is written
    atomically.

    Args:
        path: the file.
        target: path of the mp4.
        short_side: int, see `decoding.all_frames`. Defaults to `None`.
        key_frame_seconds: float, between key frames. Defaults to `0.5`.
        span: first and last second to copy. Defaults to `None`, all.
        crf: int, of x264: smaller is better and larger. Defaults to `20`.

    Returns:
        The number of frames.

    Raises:
        DecodingError: if the file cannot be read, with the reason.
    """
    av = require_av()
    with streams.opened(path) as video:
        rate = streams.rate(video.stream)
    target = pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".writing_{target.name}")
    count, began, stamp = 0, None, -1
    try:
        with av.open(str(draft), "w", format="mp4") as container:
            output = container.add_stream(
                "libx264", rate=fractions.Fraction(round(rate * 1000), 1000)
            )
            output.pix_fmt = "yuv420p"
            output.codec_context.thread_count = 1
            output.codec_context.time_base = fractions.Fraction(1, _TICKS)
            output.options = {
                "crf": str(crf),
                "tune": "fastdecode",
                "bf": "0",
                "g": str(max(1, round(key_frame_seconds * rate))),
            }
            written = _Packets(container)
            for time, image in decoding.all_frames(path, short_side, span):
                count += 1
                if began is None:
                    began = time
                    output.height, output.width = image.shape[:2]
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(image), format="rgb24"
                )
                frame.time_base = fractions.Fraction(1, _TICKS)
                # Times of damaged files may be equal, which mp4 forbids.
                stamp = max(stamp + 1, round((time - began) * _TICKS))
                frame.pts = stamp
                written.add(output.encode(frame))
            if not count:
                raise streams.DecodingError("no frame can be decoded")
            written.add(output.encode())
            last = span[1] if span else math.inf
            written.end(min(decoding.end(path), last) - time)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return count


class _Packets:
    """Writes packets, the last one with a duration of its own."""

    def __init__(self, container):
        self.container = container
        self.last = None

    def add(self, packets):
        for packet in packets:
            if self.last is not None:
                self.container.mux(self.last)
            self.last = packet

    def end(self, seconds: float):
        """Writes the last packet; its frame stays for `seconds` or longer."""
        ticks = round(seconds / self.last.time_base)
        self.last.duration = max(self.last.duration or 0, ticks)
        self.container.mux(self.last)
