"""Opens videos with PyAV and reads what their headers claim."""

import contextlib
import dataclasses
import errno
import io
import itertools
import os

_FALLBACK_RATE = 25.0
# 16 K by 8 K: above it one frame takes gigabytes, and no camera writes it.
_MAX_PIXELS = 2**27
_DEFAULT = 5_000_000  # pixels that FFmpeg adds to the default stream
# Packets that are read to distinguish a video from a still picture.
_PEEKED_PACKETS = 500
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

_UNANSWERED = (errno.EIO, errno.ETIMEDOUT, errno.ESTALE)
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class DecodingError(ValueError):
    """A video is unreadable; the message is the reason, in one line."""

    @property
    def may_pass(self) -> bool:
        """Whether the cause may be the system or the decoder, not the file.

        A later version of the decoder may read the file.
        """
        cause = self._first_cause()
        return cause is not None and (
            getattr(cause, "errno", None) in (None, *_PASSING)
        )

    @property
    def is_of_system(self) -> bool:
        """Whether the system had too little memory, or too many open files."""
        return getattr(self._first_cause(), "errno", None) in _SHORT

    @property
    def is_of_disk(self) -> bool:
        """Whether a disk did not answer."""
        return getattr(self._first_cause(), "errno", None) in _UNANSWERED

    def _first_cause(self):
        cause = self
        while isinstance(cause, DecodingError):
            cause = cause.__cause__
        return cause


@dataclasses.dataclass(frozen=True)
class Facts:
    """Metadata of a video, for upright frames.

    Attributes:
        duration: seconds from the beginning to the end of the last frame.
        fps: frames per second, on average.
        width: pixels, after rotation and with square pixels.
        height: pixels.
        rotation: degrees, counter-clockwise, from the stored to the upright
            frame: 0, 90, 180 or 270. Before it a frame may be mirrored.
        begin: seconds until the first frame, if frames before it are missing
            or cannot be decoded.
    """

    duration: float
    fps: float
    width: int
    height: int
    rotation: int
    begin: float = 0.0


@dataclasses.dataclass(frozen=True)
class Video:
    """An open video.

    Attributes:
        source: path of the file, or its content as bytes.
        container: of PyAV.
        stream: its main video stream.
    """

    source: str | os.PathLike | bytes
    container: object
    stream: object

    def open_file(self):
        """Opens the file itself, as a binary file."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return open(self.source, "rb")


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


def version() -> str | None:
    """Returns the version of PyAV and its FFmpeg, `None` if not installed."""
    try:
        av = require_av()
    except ImportError:
        return None
    libraries = [".".join(map(str, v)) for v in av.library_versions.values()]
    return " ".join([av.__version__, *libraries])


@contextlib.contextmanager
def opened(path):
    """Opens a video; yields a `Video`.

    Args:
        path: of the file, or its content as bytes.

    Every exception while the file is open becomes a `DecodingError`, except
    `MemoryError`: a broken file may raise any exception in a decoder.
    """
    av = require_av()
    try:
        with _opened(path) as container:
            stream = _main_stream(container, path)
            codec = stream.codec_context
            if codec is None:
                raise DecodingError("its codec cannot be decoded here")
            if codec.width * codec.height > _MAX_PIXELS:
                raise DecodingError(
                    f"its frames of {codec.width}x{codec.height} pixels are "
                    f"larger than the limit of {_MAX_PIXELS} pixels"
                )
            codec.options = {"max_pixels": str(_MAX_PIXELS)}
            # Readers run workers, whose threads would compete for the cores.
            codec.thread_count = 1
            yield Video(path, container, stream)
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


def header_duration(stream) -> float | None:
    """Returns the duration in the header, in seconds, or `None`."""
    name = stream.container.format.name.split(",")[0]
    if name not in _STATED_ENDS:
        if stream.duration is None:
            return None
        return float(stream.duration * stream.time_base)
    end = _STATED_ENDS[name](stream)
    begin = float((stream.start_time or 0) * stream.time_base)
    return end - begin if end is not None and end > begin else None


def _tagged_end(stream) -> float | None:
    """Returns the end in a tag of Matroska."""
    clock = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in clock)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


def _end(stream) -> float | None:
    """Returns the end that a container of one stream states.

    With several, it may be the end of the sound.
    """
    container = stream.container
    if len(container.streams) > 1 or not container.duration:
        return None
    return container.duration / 1e6


# Containers that state the time of the end, whenever the stream begins.
_STATED_ENDS = {"matroska": _tagged_end, "flv": _end, "asf": _end}


def rate(stream) -> float:
    """Returns the number of frames per second in the header.

    The average, unless it is above the rate of FFmpeg's guess, which counts
    the shortest distance of frames: then the header has the rate of a clock.
    """
    both = (stream.average_rate, stream.guessed_rate)
    rates = [rate for rate in both if rate and rate > 0]
    return float(min(rates)) if rates else _FALLBACK_RATE


def _opened(path):
    av = require_av()
    # For titles that are not UTF-8; newer versions accept them.
    major = int(av.__version__.partition(".")[0])
    options = {"metadata_errors": "ignore"} if major < 19 else {}
    file = io.BytesIO(path) if isinstance(path, bytes) else str(path)
    return av.open(file, **options)


def _main_stream(container, path):
    """Returns the stream that players show, of several.

    As FFmpeg's programs: the most pixels, and an advantage for the default
    stream; covers, stills and streams without packets last.
    """
    import av

    flags = av.stream.Disposition
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & flags.attached_pic
    ]
    if not moving:
        raise DecodingError("it has no video stream")

    def score(stream):
        is_default = bool(stream.disposition & flags.default)
        return _area(stream) + _DEFAULT * is_default

    first = max(moving, key=score)
    if len(moving) > 1:
        stills = _stills(path, [stream.index for stream in moving], first)
        moving = [s for s in moving if s.index not in stills] or moving
    return max(moving, key=score)


def _stills(path, indices, first) -> set[int]:
    """Returns which streams have at most one packet near the start.

    None, as soon as the stream `first` has two.
    """
    import av

    counts = dict.fromkeys(indices, 0)
    # Reading the frames goes on over faults of the container, or raises them.
    faults = contextlib.suppress(av.FFmpegError, IndexError)
    with _opened(path) as container, faults:
        streams = [container.streams[index] for index in indices]
        packets = container.demux(streams)
        for packet in itertools.islice(packets, _PEEKED_PACKETS):
            if packet.size:  # the last packets are empty, of no stream
                counts[packet.stream_index] += 1
            if counts[first.index] > 1:
                return set()
    return {index for index, count in counts.items() if count <= 1}


def _area(stream):
    codec = stream.codec_context
    return codec.width * codec.height if codec is not None else -1
