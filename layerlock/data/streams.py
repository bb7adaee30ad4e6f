"""Opens videos with PyAV and returns frames with correct times."""

import collections
import contextlib
import dataclasses
import errno
import heapq

# Maximum displacement of a time stamp, in frames; codecs reorder by less.
_REORDER = 4
_FALLBACK_RATE = 25.0
# Errors of the system, not of the file.
_PASSING = (
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ETIMEDOUT,
    errno.ESTALE,
)


class DecodingError(ValueError):
    """A video is unreadable; the message is the reason, in one line."""

    @property
    def may_pass(self) -> bool:
        """Whether the cause may be the system or the decoder, not the file.

        A later version of the decoder may read the file.
        """
        cause = self
        while isinstance(cause, DecodingError):
            cause = cause.__cause__
        return cause is not None and (
            getattr(cause, "errno", None) in (None, *_PASSING)
        )


@dataclasses.dataclass(frozen=True)
class Facts:
    """Metadata of a video, for upright frames.

    Attributes:
        duration: seconds from the beginning to the end of the last frame.
        fps: frames per second, on average.
        width: pixels, after rotation and with square pixels.
        height: pixels.
        rotation: degrees, counter-clockwise, from the stored to the upright
            frame: 0, 90, 180 or 270.
    """

    duration: float
    fps: float
    width: int
    height: int
    rotation: int


def require_av():
    """Returns the module of PyAV; raises if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Videos are read with PyAV, which is not installed. "
            'To install it: pip install "layerlock[video]"'
        ) from error
    return av


@contextlib.contextmanager
def opened(path):
    """Opens a video; yields the container and its largest video stream.

    Every exception while the file is open becomes a `DecodingError`, except
    `MemoryError`: a broken file may raise any exception in a decoder.
    """
    av = require_av()
    # For titles that are not UTF-8; newer versions accept them.
    major = int(av.__version__.partition(".")[0])
    options = {"metadata_errors": "ignore"} if major < 19 else {}
    try:
        with av.open(str(path), **options) as container:
            stream = _largest(container.streams.video)
            if stream.codec_context is None:
                raise DecodingError("its codec cannot be decoded here")
            # Readers run workers, whose threads would compete for the cores.
            stream.codec_context.thread_count = 1
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        raise DecodingError(reason(error)) from error
    except (DecodingError, MemoryError):
        raise
    except Exception as error:
        name = type(error).__name__
        raise DecodingError(f"{name}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Returns the message of an error in one line, without the file name."""
    text = str(getattr(error, "strerror", None) or error)
    return " ".join(text.split()) or type(error).__name__


def seek(container, stream, seconds: float) -> bool:
    """Seeks the key frame before a time; returns whether it succeeded."""
    import av

    if seconds <= 0:
        return True
    ticks = int(seconds / stream.time_base) + (stream.start_time or 0)
    try:
        container.seek(ticks, stream=stream, backward=True)
    except (av.FFmpegError, OSError):
        return False
    return True


def timed_frames(container, stream, from_start: bool):
    """Yields seconds and frames in the order of presentation.

    The order of the decoder is kept, and time stamps are sorted: the n-th
    frame gets the n-th smallest stamp of its neighbours. Missing stamps are
    extrapolated. A stream without stamps yields nothing, unless it is read
    from its start.
    """
    step = 1 / rate(stream)
    waiting, times, newest = collections.deque(), [], None
    for frame in _whole_frames(container, stream):
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is not None:
            newest = _seconds(stamp, stream)
        elif newest is not None:
            newest += step
        elif from_start:
            newest = 0.0
        else:
            return
        heapq.heappush(times, newest)
        waiting.append(frame)
        if len(waiting) > _REORDER:
            yield heapq.heappop(times), waiting.popleft()
    while waiting:
        yield heapq.heappop(times), waiting.popleft()


def last_stamp(container, stream) -> float:
    """Returns the latest time of all packets, in seconds, without decoding."""
    last = 0.0
    for packet in container.demux(stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            last = max(last, _seconds(stamp, stream))
    return last


def header_duration(stream) -> float | None:
    """Returns the duration in the header, in seconds, or `None`."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    clock = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in clock)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


def rate(stream) -> float:
    """Returns the average number of frames per second."""
    average = stream.average_rate or stream.guessed_rate
    return float(average) if average else _FALLBACK_RATE


def quarter_turns(frame) -> int:
    """Returns the rotation of a frame in counter-clockwise quarter turns."""
    return round(frame.rotation / 90) % 4


def shown_size(frame, stream) -> tuple[int, int]:
    """Returns height and width of the upright frame."""
    aspect = float(stream.sample_aspect_ratio or 1)
    height, width = frame.height, max(1, round(frame.width * aspect))
    return (width, height) if quarter_turns(frame) % 2 else (height, width)


def _largest(candidates):
    """Returns the stream with the most pixels, without cover images."""
    import av

    cover = av.stream.Disposition.attached_pic
    moving = [stream for stream in candidates if not stream.disposition & cover]
    if not moving:
        raise DecodingError("it has no video stream")
    return max(moving, key=_area)


def _area(stream):
    codec = stream.codec_context
    return codec.width * codec.height if codec is not None else -1


def _whole_frames(container, stream):
    """Yields decoded frames from the first key frame on.

    After a seek, frames before it refer to frames that were not decoded.
    """
    started = False
    for frame in container.decode(stream):
        started = started or frame.key_frame
        if started:
            yield frame


def _seconds(stamp, stream):
    return float((stamp - (stream.start_time or 0)) * stream.time_base)
