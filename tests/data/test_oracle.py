"""Every container and codec that PyAV can write, against a plain decode.

The oracle decodes all packets in order and knows nothing of seeks: whatever
`read_frames` returns for a time must be its frame.
"""

import collections
import fractions

import numpy as np
import pytest

from layerlock.data import decoding
from tests.data import synthesise

av = pytest.importorskip("av")

COUNT, FPS = 24, 25
SIZES = {"h261": (176, 144), "h263": (176, 144), "h263p": (176, 144)}
PREFERRED = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "rgb24", "rgba")
# One of each family, for the fast suite.
FAMILIES = [
    ("mp4", "libx264"),
    ("mov", "qtrle"),
    ("mov", "rpza"),
    ("mov", "cfhd"),
    ("matroska", "libx264"),
    ("webm", "libvpx-vp9"),
    ("avi", "mpeg4"),
    ("avi", "libx264"),
    ("avi", "msvideo1"),
    ("flv", "flashsv"),
    ("mpegts", "libx264"),
    ("vob", "mpeg2video"),
    ("asf", "wmv2"),
    ("ogg", "libvpx"),
    ("nut", "svq1"),
    ("mxf", "libx264"),
]
# Options of encoders under which a key frame is not a clean cut.
HARD = {
    "open groups of pictures": (
        "libx264",
        "open-gop=1:keyint=8:min-keyint=8:scenecut=0:bframes=3:b-adapt=0",
    ),
    "intra refresh": ("libx264", "intra-refresh=1:keyint=10:bframes=0"),
    "a pyramid of B-frames": (
        "libx264",
        "keyint=12:bframes=6:b-pyramid=normal:b-adapt=0",
    ),
    "two B-frames": ("mpeg2video", {"bf": "2"}),
    "hidden frames": (
        "libvpx-vp9",
        {"auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "8"},
    ),
}


@pytest.fixture(autouse=True)
def quiet():
    level = av.logging.get_level()
    av.logging.set_level(None)
    yield
    av.logging.set_level(level)


def muxers():
    """Names of containers that can be written to a file and read again."""
    both = {
        name
        for name in av.format.formats_available
        if av.format.ContainerFormat(name).is_output
    }
    # They write several files or none, need a server, or begin with a still.
    return sorted(
        name
        for name in both
        if not av.format.ContainerFormat(name).no_file
        and name not in ("dash", "hls", "hds", "segment", "avif")
        and "," not in name
    )


def encoders():
    found = []
    for name in sorted(av.codec.codecs_available):
        try:
            codec = av.codec.Codec(name, "w")
        except (ValueError, av.FFmpegError):
            continue
        if codec.type == "video":
            found.append(name)
    return found


def write(path, container, codec, options=None, skip=0):
    """Writes numbered frames, without the first `skip` packets."""
    formats = av.codec.Codec(codec, "w").video_formats or []
    names = [one.name for one in formats] or ["yuv420p"]
    width, height = SIZES.get(codec, (64, 48))
    if isinstance(options, str):
        options = {f"{codec[3:]}-params": options}
    written = 0
    with (
        synthesise.same_scheduling(),
        av.open(str(path), "w", format=container) as file,
    ):
        stream = file.add_stream(codec, rate=FPS, options=options or {})
        stream.width, stream.height = width, height
        stream.pix_fmt = next((n for n in PREFERRED if n in names), names[0])
        stream.codec_context.gop_size = 6
        for number in range(COUNT + 1):
            frame = None
            if number < COUNT:
                image = synthesise.image(number, height, width)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = number, fractions.Fraction(1, FPS)
            for packet in stream.encode(frame):
                written += 1
                if written > skip:
                    file.mux(packet)
    return path


def oracle(path):
    """Seconds, images and the seconds of a tick; `None` if nothing is shown."""
    images, stamps = [], []
    with av.open(str(path)) as file:
        if not file.streams.video:
            return None
        stream = file.streams.video[0]
        stream.codec_context.thread_count = 1
        square = stream.sample_aspect_ratio in (None, 1)
        start = stream.start_time or 0
        for packet in file.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                images.append(frame.to_ndarray(format="rgb24"))
                stamp = frame.pts if frame.pts is not None else frame.dts
                # AVI has no times of presentation; FFmpeg guesses them.
                stamps.append(None if file.format.name == "avi" else stamp)
        if not images or not square:
            return None
        if None in stamps:
            return [None] * len(images), images, 0
        seconds = [float((s - start) * stream.time_base) for s in stamps]
        return sorted(seconds), images, float(stream.time_base)


def faults(path, expected) -> list[str]:
    """How what is read of a file differs from the oracle."""
    seconds, images, tick = expected
    frames = list(decoding.all_frames(path))
    if len(frames) != len(images):
        return [f"{len(frames)} frames of {len(images)}"]
    found = []
    pairs = zip(frames, images, strict=True)
    if not all(np.array_equal(mine, one) for (_, mine), one in pairs):
        found.append("other images")
    times = np.array([time for time, _ in frames])
    if None not in seconds and not np.allclose(times, seconds):
        found.append("other times")
    last = times[-1] + 1 / FPS
    for time in np.random.default_rng(0).uniform(0, last, 50):
        [image] = decoding.read_frames(path, [time])
        # Stamps are rounded to ticks, if ticks are shorter than frames, or to
        # those of a file that was copied.
        error = min(max(tick, 1e-3), 1 / FPS / 4) * (2 * tick <= 1 / FPS)
        error += 1e-6
        near = {max(0, int((times <= time + e).sum()) - 1) for e in (0, error)}
        if not any(np.array_equal(image, images[number]) for number in near):
            found.append(f"another frame at {time:.3f} s")
    decoding.probe(path)
    return found


@pytest.mark.parametrize(("container", "codec"), FAMILIES)
def test_each_family_is_read_as_it_was_written(tmp_path, container, codec):
    try:
        path = write(tmp_path / "clip", container, codec)
    except (ValueError, OSError) as error:
        pytest.skip(f"this PyAV does not write it: {error}")

    assert faults(path, oracle(path)) == []


@pytest.mark.parametrize(
    "container", ["mp4", "matroska", "avi", "mpegts", "asf"]
)
@pytest.mark.parametrize("skip", [0, 5])
@pytest.mark.parametrize("what", HARD)
def test_key_frames_that_are_no_clean_cut(tmp_path, what, container, skip):
    codec, options = HARD[what]
    try:
        path = write(tmp_path / "clip", container, codec, options, skip)
        expected = oracle(path)
    except (ValueError, OSError) as error:
        pytest.skip(f"this PyAV does not write it: {error}")
    if expected is None:
        pytest.skip("FFmpeg shows nothing of it")

    assert faults(path, expected) == []


@pytest.mark.thorough
def test_every_container_and_codec_is_read_as_it_was_written(tmp_path):
    wrong, count = {}, collections.Counter()
    for codec in encoders():
        for container in muxers():
            path = tmp_path / f"{codec}.{container}"
            try:
                write(path, container, codec)
                expected = oracle(path)
            except Exception:  # many encoders do not fit a container
                count["not written"] += 1
                path.unlink(missing_ok=True)
                continue
            if expected is None or not same(expected, oracle(path)):
                count["not decoded the same twice"] += 1
            elif not recognised(path, container):
                count["taken for another container"] += 1
            else:
                count["compared"] += 1
                if found := faults(path, expected):
                    wrong[path.name] = found
            path.unlink()

    print(count)
    assert not wrong
    assert count["compared"] > 300


def same(one, other) -> bool:
    """Whether two decodes are equal; some decoders show unset memory."""
    pairs = zip(one[1], other[1], strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def recognised(path, container) -> bool:
    with av.open(str(path)) as file:
        written = av.format.ContainerFormat(container)
        read = av.format.ContainerFormat(file.format.name.split(",")[0])
        return (
            container in file.format.name.split(",")
            or bool(written.extensions & read.extensions)
            or bool(written.extensions & file.format.extensions)
        )
