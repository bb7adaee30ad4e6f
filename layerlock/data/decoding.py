"""Reads frames of a video by their time."""

import contextlib
import itertools
import math

import numpy as np

from layerlock.data import streams
from layerlock.data.streams import DecodingError

WHOLE = (0.0, 0.0, 1.0, 1.0)

_PROBED_FRAMES = 6
_TOLERANCE = 1e-6  # seconds, since times are sums of floats
# Seconds that the second attempt starts earlier, after a seek past the time.
_STEP_BACK = 10.0
# A file is truncated if its duration is below this share of the header's.
_MIN_SHARE = 0.9


def read_frames(path, times, size=None, box=WHOLE) -> np.ndarray:
    """Returns the frames that are shown at the given times.

    The frame of a time is the last one that begins at or before it. Times
    before the first frame get the first frame, times after the end the last.

    Args:
        path: the file.
        times: seconds since the beginning of the video, ascending.
        size: height and width of the result, `None` for the size of the
            video.
        box: top, left, height and width of the crop, as shares of the
            upright frame. Its corner is rounded to a pixel of the
            result.

    Returns:
        uint8 of shape `(times, height, width, 3)`.

    Raises:
        DecodingError: if the file cannot be read, with the reason.

    Example:

    ```python
    clip = read_frames("dog.mp4", times=[0.0, 0.5, 1.0], size=(64, 64))
    ```
    """
    times = [float(time) for time in times]
    if not times or times != sorted(times):
        raise ValueError(
            "`times` must be ascending, and at least one. "
            f"Received: times={times}."
        )
    with _opened_at(path, times[0]) as (stream, frames):
        return _pick(frames, times, _Reader(stream, size, box))


def read_view(path, view, size: int) -> np.ndarray:
    """Returns a view of a video, see `framing.View`.

    Args:
        path: the file.
        view: a `framing.View`.
        size: int, height and width of the result.

    Returns:
        uint8 of shape `(frames, size, size, 3)`.
    """
    clip = read_frames(path, view.times, (size, size), view.box)
    return clip[:, :, ::-1] if view.mirrored else clip


def all_frames(path, short_side=None, span=None):
    """Yields the time and the upright image of every frame.

    Args:
        path: the file.
        short_side: int, maximum length of the shorter side; both sides become
            even. Defaults to `None`: no limit.
        span: first and last second. Defaults to `None`: the whole video.

    Yields:
        Seconds since the beginning of the video, and uint8 `(height, width,
        3)`.

    Raises:
        DecodingError: if the file cannot be read, with the reason.
    """
    first, last = span or (0.0, math.inf)
    with _opened_at(path, first) as (stream, frames):
        show = None
        for time, frame in frames:
            if time > last + _TOLERANCE:
                break
            if show is None:
                size = _even_size(streams.shown_size(frame, stream), short_side)
                show = _Reader(stream, size, WHOLE)
            if time >= first - _TOLERANCE:
                yield time, show(frame)


def _even_size(shown, short_side):
    share = min(1.0, (short_side or min(shown)) / min(shown))
    return tuple(max(2, 2 * round(side * share / 2)) for side in shown)


def probe(path) -> streams.Facts:
    """Returns the facts of a video after reading some of its frames.

    It decodes frames at the beginning, in the middle and at the end. The
    duration is that of the decodable frames, not that of the header.

    Raises:
        DecodingError: if the file cannot be read, with the reason.
    """
    with streams.opened(path) as (container, stream):
        frames = streams.timed_frames(container, stream, True)
        first = list(itertools.islice(frames, _PROBED_FRAMES))
        if not first:
            raise DecodingError("no frame can be decoded")
        height, width = streams.shown_size(first[0][1], stream)
        rotation = 90 * streams.quarter_turns(first[0][1])
        fps = streams.rate(stream)
        claimed = streams.header_duration(stream)
    with _named("end"):
        last = _last_time(path, claimed)
    duration = last + 1 / fps
    if claimed and duration < _MIN_SHARE * claimed:
        raise DecodingError(
            f"truncated: it ends after {duration:.2f} of {claimed:.2f} seconds"
        )
    with _named("middle"):
        read_frames(path, [last / 2], size=(16, 16))
    return streams.Facts(
        round(duration, 6), round(fps, 6), width, height, rotation
    )


@contextlib.contextmanager
def _named(part: str):
    """Adds the part of the video to the message of an error."""
    try:
        yield
    except DecodingError as error:
        raise DecodingError(f"its {part} cannot be read: {error}") from error


def _last_time(path, claimed: float | None) -> float:
    """Returns the time of the last decodable frame."""
    if claimed:
        last = _last_time_after(path, claimed)
        if last is not None and last >= _MIN_SHARE * claimed:
            return last
    with streams.opened(path) as (container, stream):
        latest = streams.last_stamp(container, stream)
    for start in _starts(latest):
        last = _last_time_after(path, start)
        if last is not None:
            return last
    raise DecodingError("no frame can be decoded")


def _last_time_after(path, start: float) -> float | None:
    with streams.opened(path) as (container, stream):
        if not streams.seek(container, stream, start):
            return None
        frames = streams.timed_frames(container, stream, start <= 0)
        return max((time for time, _ in frames), default=None)


@contextlib.contextmanager
def _opened_at(path, time: float):
    """Yields the stream and its timed frames, from a time or earlier.

    Some seeks go past the time, for example in MPEG-TS. Then it starts
    earlier, and finally at the start of the video.
    """
    for start in _starts(time):
        with streams.opened(path) as (container, stream):
            if not streams.seek(container, stream, start):
                continue
            frames = streams.timed_frames(container, stream, start <= 0)
            first = next(frames, None)
            if first is None or start > 0 and first[0] > time + _TOLERANCE:
                continue
            yield stream, itertools.chain([first], frames)
            return
    raise DecodingError("no frame can be decoded")


def _starts(first: float):
    """Yields start times for decoding, the fastest first."""
    if first > 0:
        yield first
    if first > _STEP_BACK:
        yield first - _STEP_BACK
    yield 0.0


def _pick(frames, times, show) -> np.ndarray:
    """Returns the images that are shown at `times`."""
    images, shown = [], None
    for time, frame in itertools.chain(frames, [(math.inf, None)]):
        if shown is not None:
            due = sum(other + _TOLERANCE < time for other in times)
            if due > len(images):
                images += [show(shown)] * (due - len(images))
            if due == len(times):
                break
        shown = frame
    return np.stack(images)


class _Reader:
    """Converts a decoded frame to an upright, cropped image."""

    def __init__(self, stream, size, box):
        from av.video.reformatter import VideoReformatter

        self.stream = stream
        self.size = size
        self.box = box
        self.reformatter = VideoReformatter()

    def __call__(self, frame) -> np.ndarray:
        shown = streams.shown_size(frame, self.stream)
        size = self.size or shown
        # The whole frame is scaled so that the crop has the output size.
        scaled = [
            max(pixels, round(pixels / share))
            for pixels, share in zip(size, self.box[2:], strict=True)
        ]
        turns = streams.quarter_turns(frame)
        height, width = scaled[::-1] if turns % 2 else scaled
        shrinks = scaled[0] <= shown[0] and scaled[1] <= shown[1]
        image = self.reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation="AREA" if shrinks else "BICUBIC",
        ).to_ndarray()
        top, left = (
            min(round(corner * whole), whole - pixels)
            for corner, whole, pixels in zip(
                self.box[:2], scaled, size, strict=True
            )
        )
        image = np.rot90(image, turns)
        return image[top : top + size[0], left : left + size[1]]
