"""Packets come on one clock, whatever the container's clock does."""

import types

import numpy as np
import pytest

from layerlock.data import decoding, packets, streams
from tests.data import synthesise

av = pytest.importorskip("av")


def joined(folder, ending, codec, options=None):
    """Two recordings of 30 and 20 frames in one file, one after the other."""
    parts = [
        synthesise.write(
            folder / f"{name}.{ending}", count, codec=codec, options=options
        )
        for name, count in (("long", 30), ("short", 20))
    ]
    path = folder / f"joined.{ending}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("ts", "libx264"), ("webm", "libvpx"), ("mkv", "libx264")],
)
def test_a_clock_that_starts_again_goes_on(tmp_path, ending, codec):
    path = joined(tmp_path, ending, codec)
    numbers = [*range(30), *range(20)]

    times, images = zip(*decoding.all_frames(path), strict=True)

    assert synthesise.numbers(images) == numbers
    assert np.diff(times) == pytest.approx(0.1, abs=0.15)
    assert times == tuple(sorted(times))
    assert decoding.probe(path).duration == pytest.approx(5.0, abs=0.3)
    for index in (0, 7, 29, 30, 33, 49):
        [image] = decoding.read_frames(path, [times[index] + 0.01])
        assert synthesise.number(image) == numbers[index]


def test_a_clock_that_starts_again_soon_goes_on(tmp_path):
    part = synthesise.write(tmp_path / "part.ts", count=8).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part * 3)

    times, images = zip(*decoding.all_frames(path), strict=True)

    assert synthesise.numbers(images) == 3 * list(range(8))
    assert np.diff(times) == pytest.approx(0.1, abs=0.002)
    assert decoding.probe(path).duration == pytest.approx(2.4, abs=0.01)
    for index in (7, 8, 12, 23):
        [image] = decoding.read_frames(path, [times[index] + 0.01])
        assert synthesise.number(image) == index % 8


def test_a_stamp_that_is_a_little_early_starts_no_clock():
    stamps = [0, 100, 200, 300, 250, 500]

    assert stamps_after([packet(s, s) for s in stamps]) == stamps


def test_a_recording_of_unknown_length_has_no_index(tmp_path):
    path = synthesise.write(tmp_path / "clip.mkv")
    content = path.read_bytes()
    at = content.index(b"\x18\x53\x80\x67") + 4
    path.write_bytes(content[:at] + b"\x01" + b"\xff" * 7 + content[at + 8 :])

    with streams.opened(path) as video:
        assert not packets.is_indexed(video)
    for number in (0, 9, 19):
        [image] = decoding.read_frames(path, [number / 10 + 0.05])
        assert synthesise.number(image) == number


def test_a_program_stream_is_read_alike_from_the_middle(tmp_path):
    path = synthesise.write(
        tmp_path / "clip.mpg",
        count=60,
        fps=25,
        codec="mpeg2video",
        options={"bf": "2"},
        ticks=25,
    )
    times, images = zip(*decoding.all_frames(path), strict=True)
    assert synthesise.numbers(images) == list(range(60))

    for number in range(60):
        [image] = decoding.read_frames(path, [times[number] + 0.01])
        assert synthesise.number(image) == number


def test_frames_around_damaged_packets_are_read(tmp_path):
    path = synthesise.write(tmp_path / "clip.ts", count=60)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    middle = len(content) // 2
    content[middle : middle + 2000] = rng.bytes(2000)
    path.write_bytes(content)

    numbers = [
        synthesise.number(image)
        for _, image in decoding.all_frames(path)
        if is_whole(image)
    ]

    assert set(range(20)) <= set(numbers)
    assert set(range(50, 60)) <= set(numbers)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.wmv", "wmv2"), ("clip.mkv", "libx264"), ("clip.avi", "libx264")],
)
def test_a_file_that_is_damaged_in_the_middle_is_not_truncated(
    tmp_path, name, codec
):
    path = synthesise.write(
        tmp_path / name,
        count=200,
        codec=codec,
        options={"bf": "0"},
        ticks=10 if name == "clip.avi" else 1000,
    )
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux() if packet.size]
    content = bytearray(path.read_bytes())
    middle, length = sum(places[::199]) // 2, len(content) // 30
    content[middle : middle + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(content)

    assert decoding.probe(path).duration == pytest.approx(20, abs=0.15)
    read = [
        (time, synthesise.number(image))
        for time, image in decoding.all_frames(path)
        if is_whole(image)
    ]
    numbers = [number for _, number in read]
    assert len(numbers) > 120
    assert numbers == sorted(numbers)
    assert {0, 199} <= set(numbers)
    for time, number in read[5::30]:
        [image] = decoding.read_frames(path, [time + 0.01])
        assert synthesise.number(image) == number


def test_zeros_behind_a_recording_are_no_error(tmp_path):
    path = synthesise.write(tmp_path / "clip.ts")
    path.write_bytes(path.read_bytes() + bytes(200_000))

    assert decoding.probe(path).duration == pytest.approx(2.0, abs=0.01)
    assert len(list(decoding.all_frames(path))) == 20


def is_whole(image) -> bool:
    try:
        synthesise.number(image)
    except AssertionError:
        return False
    return True


def test_faults_of_a_container_are_read_over(monkeypatch):
    """A stream that appears late is an `IndexError` of PyAV."""
    late, unknown = IndexError(), av.PatchWelcomeError(1, "bad")
    numbered = [packet(1, 1), late, packet(2, 2), unknown, packet(3, 3)]

    class Container:
        format = types.SimpleNamespace(name="mov")
        rest = iter([*numbered, av.InvalidDataError(1, "bad"), packet(4, 4)])

        def demux(self, *streams):
            for item in self.rest:
                if isinstance(item, Exception):
                    raise item
                yield item

    video = streams.Video("x.mov", Container(), counted_in_milliseconds())
    assert [p.pts for p in packets._readable(video)] == [1, 2, 3, 4]


def late_part(folder, ending, seconds):
    """Two recordings of which the second one's clock is far ahead."""
    first = synthesise.write(folder / f"first.{ending}")
    late = [round(1000 * seconds) + 100 * n for n in range(20)]
    second = synthesise.write(folder / f"second.{ending}", stamps=late)
    path = folder / f"late.{ending}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


def test_a_clock_that_jumps_ahead_is_no_missing_end(tmp_path):
    path = late_part(tmp_path, "ts", 100)

    facts = decoding.probe(path)

    assert facts.duration == pytest.approx(4.0, abs=0.05)
    numbers = synthesise.numbers([i for _, i in decoding.all_frames(path)])
    assert numbers == [*range(20), *range(20)]


def counted_in_milliseconds():
    return types.SimpleNamespace(
        time_base=synthesise.MILLISECOND,
        average_rate=10,
        guessed_rate=10,
        start_time=0,
        duration=10,
    )


def stamps_after(packets_of, name="flv"):
    """Stamps on the continuous clock, in milliseconds at 10 a second."""
    container = types.SimpleNamespace(
        format=types.SimpleNamespace(name=name),
        demux=lambda *streams: iter(packets_of),
    )
    video = streams.Video("x", container, counted_in_milliseconds())
    return [p.pts for p in packets._continuous(video)]


def packet(pts, dts, key=False):
    return types.SimpleNamespace(pts=pts, dts=dts, is_keyframe=key, pos=None)


def test_a_clock_that_wraps_goes_on_in_the_order_of_decoding():
    far = 2**31
    decoded = [(200, 0), (600, 100), (400, 200), (300, 300), (500, 400)]
    wrapped = [
        packet(pts + far * (n > 0), dts + far * (n > 0), key=n == 0)
        for n, (pts, dts) in enumerate(decoded)
    ]

    assert stamps_after(wrapped) == [200, 600, 400, 300, 500]
