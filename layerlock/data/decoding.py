"""Reads frames of a video by their time."""

import contextlib
import itertools
import math

import numpy as np

from layerlock.data import extent, frames, orientation, packets, streams
from layerlock.data.images import WHOLE, ImageReader, even_size
from layerlock.data.streams import DecodingError

_PROBED_FRAMES = 6
_ROUNDING = 1e-6  # seconds, since times are sums of floats
_MILLISECOND = 1e-3
# Seconds that the second attempt starts earlier, after a seek past the time.
_STEP_BACK = 10.0
# A file is truncated if its duration is below this share of the header's.
_MIN_SHARE = 0.9
# Share by which the first frames may differ from a header's rate.
_RATE_ERROR = 0.1


def read_frames(path, times, size=None, box=WHOLE) -> np.ndarray:
    """Returns the frames that are shown at the given times.

    The frame of a time is the last one that begins at or before it, or up to
    one tick of the file's clock, at least a millisecond, later, since time
    stamps are rounded.
    Times before the first frame get the first frame, times after the
    end the last.

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
    with _opened_at(path, times[0]) as (stream, shown):
        tolerance = _tolerance(stream)
        return _pick(shown, times, ImageReader(stream, size, box), tolerance)


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
        span: first and last second. Defaults to `None`: the whole video. The
            frame that is shown at the first second begins with it.

    Yields:
        Seconds since the beginning of the video, and uint8 `(height, width,
        3)`.

    Raises:
        DecodingError: if the file cannot be read, with the reason.
    """
    first, last = span or (-math.inf, math.inf)
    with _opened_at(path, first) as (stream, shown):
        tolerance = _tolerance(stream)
        read = before = None
        for time, frame, orient in shown:
            if time > last + tolerance:
                break
            if read is None:
                size = orientation.shown_size(frame, orient, stream)
                read = ImageReader(stream, even_size(size, short_side))
            if time < first - tolerance:
                before = frame, orient
                continue
            if before is not None and time > first + tolerance:
                yield first, read(*before)
            before = None
            yield time, read(frame, orient)
        if before is not None and first < end(path):
            yield first, read(*before)


def probe(path) -> streams.Facts:
    """Returns the facts of a video after reading some of its frames.

    It decodes frames at the beginning, in the middle and at the end. The
    duration is that of the decodable frames, not that of the header.

    Raises:
        DecodingError: if the file cannot be read, with the reason.
    """
    with streams.opened(path) as video:
        stream = video.stream
        shown = frames.timed_frames(video, 0)
        first = list(itertools.islice(shown, _PROBED_FRAMES))
        if not first:
            raise DecodingError("no frame can be decoded")
        begin, frame, orient = first[0]
        height, width = orientation.shown_size(frame, orient, stream)
        fps = streams.rate(stream)
        guessed = float(stream.guessed_rate or fps)
        claimed = streams.header_duration(stream)
        is_stated = video.container.format.name not in packets.MAX_GAP
        is_indexed = packets.is_indexed(video)
    with _named("end"):
        last, held = _last_frame(path, claimed)
    if claimed and last > 0 and held > 2 / fps:
        # The average of the header counts the time that the last frame stays.
        fps = max(fps, min(guessed, (round(fps * claimed) - 1) / last))
    duration = last + max(held, 1 / fps)
    is_short = claimed and duration < _MIN_SHARE * claimed
    if is_short and is_stated and not _is_complete(path, duration, claimed):
        raise DecodingError(
            f"truncated: it ends after {duration:.2f} of {claimed:.2f} seconds"
        )
    with _named("middle"):
        read_frames(path, [(begin + last) / 2], size=(16, 16))
    if not is_indexed:
        fps = _checked_rate(path, fps, [time for time, *_ in first])
    return streams.Facts(
        round(duration, 6), fps, width, height, 90 * orient.turns, begin
    )


@contextlib.contextmanager
def _named(part: str):
    """Adds the part of the video to the message of an error."""
    try:
        yield
    except DecodingError as error:
        raise DecodingError(f"its {part} cannot be read: {error}") from error


def _checked_rate(path, stated: float, times: list[float]) -> float:
    """Returns the stated rate; counts packets if the first frames differ."""
    if len(times) < 2 or (
        abs(np.median(np.diff(times)) * stated - 1) < _RATE_ERROR
    ):
        return stated
    with streams.opened(path) as video:
        count, begin, last = packets.counted(video)
    return (count - 1) / (last - begin) if last > begin else stated


def _is_complete(path, end: float, claimed: float) -> bool:
    """Whether an MP4 ends where its packets do, before its header says.

    The header may count what an edit list hides or a pause before the video.
    """
    with streams.opened(path) as video:
        if not video.container.format.name.startswith("mov"):
            return False
        begin = float((video.stream.start_time or 0) * video.stream.time_base)
        if end >= _MIN_SHARE * (claimed - begin):
            return True
        if not extent.is_whole(video, packets.last_byte(video)):
            return False
    with streams.opened(path) as video:
        *_, latest = packets.counted(video)
    return end >= _MIN_SHARE * latest


def end(path) -> float:
    """Returns the seconds until the end of the last decodable frame."""
    with streams.opened(path) as video:
        claimed = streams.header_duration(video.stream)
    return sum(_last_frame(path, claimed))


def _last_frame(path, claimed: float | None) -> tuple[float, float]:
    """Returns when the last decodable frame begins, and how long it stays."""
    if claimed:
        last = _last_frame_after(path, claimed)
        if last is not None and last[0] >= _MIN_SHARE * claimed:
            return last[0], min(last[1], claimed - last[0])
    with streams.opened(path) as video:
        *_, latest = packets.counted(video)
    for start in _starts(latest):
        last = _last_frame_after(path, start)
        if last is not None:
            return last[0], _held(path, *last, claimed)
    raise DecodingError("no frame can be decoded")


def _held(path, last: float, held: float, claimed: float | None) -> float:
    """Returns how long the last frame stays, as far as a header knows."""
    if not claimed:
        return held
    if last + held < _MIN_SHARE * claimed:
        with streams.opened(path) as video:
            # Packets of other containers have no duration of their own.
            is_mov = video.container.format.name.startswith("mov")
            if not is_mov and extent.is_whole(video, packets.last_byte(video)):
                return claimed - last
    return min(held, claimed - last)


def _last_frame_after(path, start: float) -> tuple[float, float] | None:
    with streams.opened(path) as video:
        tick = float(video.stream.time_base)
        last, end = None, 0.0
        for time, frame, _ in frames.timed_frames(video, start):
            # A file may count the last pause for another of the last frames.
            end = max(end, time + float(frame.duration or 0) * tick)
            last = time
        return None if last is None else (last, end - last)


@contextlib.contextmanager
def _opened_at(path, time: float):
    """Yields the stream and its timed frames, from a time or earlier.

    Some seeks go past the time, and some key frames are marked wrongly. Then
    it starts earlier, and finally at the start of the video.
    """
    for start in _starts(time):
        with streams.opened(path) as video:
            stream = video.stream
            tolerance = _tolerance(stream) if start > 0 else 0.0
            shown = frames.timed_frames(video, start + tolerance)
            first = next(shown, None)
            if first is None or start > 0 and first[0] > time + tolerance:
                continue
            yield stream, itertools.chain([first], shown)
            return
    raise DecodingError("no frame can be decoded")


def _tolerance(stream) -> float:
    """Returns the largest error of a time stamp, in seconds.

    That of a frame and that of the beginning are rounded to ticks, so that the
    time between them is wrong by up to one. The ticks may be those of a file
    that was copied, usually milliseconds. Clocks with one tick a frame count
    frames, without an error.
    """
    tick, step = float(stream.time_base), 1 / streams.rate(stream)
    if 2 * tick > step:
        return _ROUNDING
    return _ROUNDING + min(max(tick, _MILLISECOND), step / 4)


def _starts(first: float):
    """Yields start times for decoding, the fastest first."""
    if first > 0:
        yield first
    if first > _STEP_BACK:
        yield first - _STEP_BACK
    yield 0.0


def _pick(shown, times, read, tolerance) -> np.ndarray:
    """Returns the images that are shown at `times`."""
    images, current = [], None
    for time, *frame in itertools.chain(shown, [(math.inf,)]):
        if current is not None:
            due = sum(other + tolerance < time for other in times)
            if due > len(images):
                images += [read(*current)] * (due - len(images))
            if due == len(times):
                break
        current = frame
    return np.stack(images)
