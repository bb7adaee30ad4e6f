import fractions
import os

import numpy as np
import pytest

from layerlock.data import decoding
from layerlock.data.framing import Framing
from tests.data import synthesise

av = pytest.importorskip("av")

# Frame n of a clip at 10 fps is on screen from n / 10 to (n + 1) / 10.
MIDDLES = [0.05, 0.75, 1.25, 1.95]
NUMBERS = [0, 7, 12, 19]


def numbers_at(path, times, **arguments):
    return synthesise.numbers(decoding.read_frames(path, times, **arguments))


def encoder_exists(name):
    try:
        av.codec.Codec(name, "w")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "codec, name",
    [
        ("libx264", "clip.mp4"),
        ("libx264", "clip.mov"),
        ("libx264", "clip.mkv"),
        ("libx265", "clip.mp4"),
        ("libsvtav1", "clip.mkv"),
        ("libvpx", "clip.webm"),
        ("libvpx-vp9", "clip.webm"),
        ("mpeg4", "clip.avi"),
        ("mpeg4", "clip.mp4"),
    ],
)
def test_each_codec_gives_the_frames_on_screen(tmp_path, codec, name):
    if not encoder_exists(codec):
        pytest.skip(f"this PyAV has no encoder {codec}")
    quiet = {"libx265": {"x265-params": "log-level=none"}}
    path = synthesise.write(
        tmp_path / name,
        codec=codec,
        height=96,
        width=128,
        options=quiet.get(codec),
    )

    assert numbers_at(path, MIDDLES) == NUMBERS


@pytest.mark.skipif(
    not encoder_exists("libsvtav1"), reason="this PyAV has no such encoder"
)
def test_writing_leaves_the_scheduling_of_the_thread(tmp_path):
    before = os.sched_getscheduler(0)
    synthesise.write(tmp_path / "clip.mkv", codec="libsvtav1")
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize("key_frames", [1, 5, 20])
def test_reading_from_the_middle_equals_reading_from_the_start(
    tmp_path, key_frames
):
    path = synthesise.write(tmp_path / "clip.mp4", key_frames=key_frames)

    for n in range(20):
        assert numbers_at(path, [n / 10]) == [n]


def test_frames_of_variable_rate_come_by_their_time(tmp_path):
    stamps = [0, 40, 80, 500, 520, 1500, 1600]
    path = synthesise.write(tmp_path / "clip.mkv", stamps=stamps)

    times = [0.038, 0.041, 0.3, 0.51, 1.49, 1.51, 1.61]

    assert numbers_at(path, times) == [0, 1, 2, 3, 4, 5, 6]


def test_jittering_stamps_still_give_every_frame_in_order(tmp_path):
    jitter = np.random.default_rng(0).integers(-30, 31, 20)
    stamps = [100 * n + int(jitter[n]) + 30 for n in range(20)]
    path = synthesise.write(tmp_path / "clip.mkv", stamps=stamps)

    times = [(stamp - stamps[0]) / 1000 + 0.002 for stamp in stamps]

    assert numbers_at(path, times) == list(range(20))


@pytest.mark.parametrize("first", [0, 8, 13])
def test_exchanged_stamps_are_put_in_order(tmp_path, first):
    path = synthesise.write(
        tmp_path / "clip.mkv", codec="mpeg4", swaps=True, key_frames=6
    )
    with av.open(str(path)) as container:
        stamps = [frame.pts for frame in container.decode(video=0)]
    assert stamps != sorted(stamps)
    with av.open(str(path)) as container:
        start = container.streams.video[0].start_time / 1000

    times = [0.2 - start + n / 10 + 0.05 for n in range(first, 18)]

    assert numbers_at(path, times) == list(range(first, 18))


@pytest.mark.parametrize("first", [0, 7])
def test_missing_stamps_are_counted_on(tmp_path, first):
    path = synthesise.write(
        tmp_path / "clip.h264", fps=25, options={"bframes": "0"}
    )

    times = [n / 25 + 0.01 for n in range(first, 20)]

    assert numbers_at(path, times) == list(range(first, 20))


@pytest.mark.parametrize("hidden", [0.5, 1.3])
def test_a_cut_whose_key_frame_is_hidden_is_read_whole(tmp_path, hidden):
    whole = synthesise.write(
        tmp_path / "whole.mp4", count=40, key_frames=20, options={"bf": "0"}
    )
    path = synthesise.copy_packets(whole, tmp_path / "cut.mp4", first=hidden)
    numbers = list(range(round(10 * hidden), 40))

    images = [image for _, image in decoding.all_frames(path)]

    assert synthesise.numbers(images) == numbers
    for index in (0, 3, 15, len(numbers) - 1):
        assert numbers_at(path, [index / 10 + 0.05]) == [numbers[index]]


@pytest.mark.parametrize("fps", [12, 24, 30000 / 1001, 50])
@pytest.mark.parametrize("name", ["clip.webm", "clip.mkv", "clip.flv"])
@pytest.mark.parametrize("begin", [0, 2])
def test_clocks_in_milliseconds_show_each_frame_once(
    tmp_path, name, fps, begin
):
    codec = "libvpx" if name == "clip.webm" else "libx264"
    # The time of the beginning is rounded, too.
    stamps = [round(1000 * n / fps) for n in range(begin, begin + 40)]
    path = synthesise.write(
        tmp_path / name,
        codec=codec,
        fps=fractions.Fraction(fps).limit_denominator(1001),
        stamps=stamps,
        options={"bf": "0"},
    )

    for first in range(0, 30, 7):
        times = [(first + n) / fps for n in range(8)]
        assert numbers_at(path, times) == list(range(first, first + 8))


@pytest.mark.parametrize("name", ["copy.mp4", "copy.ts", "copy.mov"])
def test_a_copy_has_the_rounded_times_of_its_original(tmp_path, name):
    fps = 24000 / 1001
    stamps = [round(1000 * n / fps) for n in range(40)]
    whole = synthesise.write(
        tmp_path / "whole.mkv",
        fps=fractions.Fraction(24000, 1001),
        stamps=stamps,
        options={"bf": "0"},
    )
    path = synthesise.copy_packets(whole, tmp_path / name)

    times = [n / fps for n in range(40)]

    assert numbers_at(path, times) == list(range(40))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
@pytest.mark.parametrize("bframes", ["0", "2"])
def test_a_last_frame_that_stays_counts(tmp_path, name, bframes):
    whole = synthesise.write(tmp_path / "whole.mkv", options={"bf": bframes})
    path = synthesise.copy_packets(whole, tmp_path / name, durations={19: 10})

    facts = decoding.probe(path)

    assert facts.duration == pytest.approx(11.9, abs=0.45)
    assert facts.fps == pytest.approx(10, abs=0.5)
    assert numbers_at(path, [11.0]) == [19]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.webm", "libvpx"), ("clip.wmv", "wmv2"), ("clip.flv", "libx264")],
)
def test_a_last_frame_stays_that_only_the_header_knows_of(
    tmp_path, name, codec
):
    whole = synthesise.write(
        tmp_path / f"whole{name[4:]}", codec=codec, options={"bf": "0"}
    )
    path = synthesise.copy_packets(whole, tmp_path / name, durations={19: 10})

    assert decoding.probe(path).duration == pytest.approx(11.9, abs=0.15)
    assert numbers_at(path, [11.0]) == [19]


def test_empty_packets_of_an_avi_hold_the_last_frame(tmp_path):
    whole = synthesise.write(
        tmp_path / "whole.avi", codec="mpeg4", options={"bf": "0"}, ticks=10
    )
    path = synthesise.copy_packets(whole, tmp_path / "clip.avi", empty=100)

    assert decoding.probe(path).duration == pytest.approx(12.0)
    assert numbers_at(path, [11.0]) == [19]


def test_the_content_of_a_file_is_read_as_the_file(tmp_path):
    for name, codec in (("clip.webm", "libvpx"), ("clip.avi", "mpeg4")):
        path = synthesise.write(tmp_path / name, codec=codec)
        content = path.read_bytes()

        assert numbers_at(content, MIDDLES[2:]) == NUMBERS[2:]
        assert decoding.probe(content) == decoding.probe(path)


@pytest.mark.parametrize("first", ["still", "video"])
def test_a_larger_still_beside_the_video_is_not_taken_for_it(tmp_path, first):
    path = synthesise.write_with_still(tmp_path / "clip.mkv", first=first)

    facts = decoding.probe(path)

    assert (facts.height, facts.width) == (48, 64)
    assert numbers_at(path, MIDDLES) == NUMBERS


@pytest.mark.parametrize(
    ("codec", "count"), [("mjpeg", 1), ("libvpx", 1), ("libvpx", 0)]
)
def test_a_still_of_any_codec_or_nothing_behind_sound_is_no_video(
    tmp_path, codec, count
):
    path = synthesise.write_with_still(
        tmp_path / "clip.mkv", "still", codec, count, sound=True
    )

    assert numbers_at(path, MIDDLES) == NUMBERS


@pytest.mark.parametrize("first", [0.3, 0.9])
def test_a_cut_in_fragments_whose_start_is_hidden_is_whole(tmp_path, first):
    whole = synthesise.write(tmp_path / "whole.mp4", options={"bf": "0"})
    path = synthesise.copy_packets(
        whole, tmp_path / "cut.mp4", first, {"movflags": "frag_keyframe"}
    )
    *_, (last, _) = decoding.all_frames(path)

    assert decoding.probe(path).duration == pytest.approx(last + 0.1)


def test_a_rate_that_the_first_frames_refute_is_counted(tmp_path):
    path = synthesise.write(
        tmp_path / "clip.ts", fps=25, codec="mpeg1video", ticks=25
    )
    with av.open(str(path)) as container:
        assert container.streams.video[0].guessed_rate == 50

    assert decoding.probe(path).fps == pytest.approx(25)


def test_a_palette_is_known_in_the_middle(tmp_path):
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for number in range(4):
            image = synthesise.image(number)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, 10)
            container.mux(stream.encode(frame))

    assert numbers_at(path, [0.25, 0.35]) == [2, 3]


def test_a_video_that_begins_late_is_not_called_truncated(tmp_path):
    late = [5000 + 100 * n for n in range(20)]
    path = synthesise.write(tmp_path / "clip.mkv", stamps=late)

    assert decoding.probe(path).duration == pytest.approx(2.0, abs=0.01)


def each_once(path, count):
    """Whether clips at the video's rate are frames that follow each other."""
    facts = decoding.probe(path)
    framing = Framing(8, 24, facts.fps)
    first = synthesise.number(next(decoding.all_frames(path))[1])
    for clip, view in enumerate(framing.spread(facts, 4, 1)):
        numbers = numbers_at(path, view.times)
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        if clip == 0:
            assert numbers[0] == first
    assert numbers[-1] == count - 1
    return True


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_first_frame_that_avi_delays_comes_once(tmp_path, codec):
    path = synthesise.write(
        tmp_path / "clip.avi", codec=codec, options={"bf": "0"}, ticks=10
    )

    assert each_once(path, 20)


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.flv", "cut.ts"])
def test_frames_without_their_key_frame_are_no_part_of_a_clip(tmp_path, name):
    whole = synthesise.write(
        tmp_path / "whole.mkv", count=40, key_frames=10, options={"bf": "0"}
    )
    path = synthesise.copy_packets(whole, tmp_path / name, skip=3)

    assert decoding.probe(path).begin > 0.1
    assert each_once(path, 40)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation_is_obeyed(tmp_path, turn):
    path = synthesise.write(tmp_path / "clip.mp4", turn=turn)

    clip = decoding.read_frames(path, MIDDLES)

    assert clip.shape == (4, 48, 64, 3)
    assert synthesise.numbers(clip) == NUMBERS


def test_a_portrait_video_stays_upright(tmp_path):
    path = synthesise.write(tmp_path / "clip.mp4", height=64, width=48)

    clip = decoding.read_frames(path, MIDDLES)

    assert clip.shape == (4, 64, 48, 3)
    assert synthesise.numbers(clip) == NUMBERS


@pytest.mark.parametrize(
    ("name", "shape", "first"),
    # An mp4 names a default stream, which is the first; FFmpeg takes it.
    [("clip.mkv", (4, 48, 64, 3), 0), ("clip.mp4", (4, 24, 32, 3), 200)],
)
def test_of_two_videos_the_one_is_read_that_players_show(
    tmp_path, name, shape, first
):
    path = synthesise.write(tmp_path / name, small_stream=True)

    clip = decoding.read_frames(path, MIDDLES)

    assert clip.shape == shape
    assert synthesise.numbers(clip) == [first + n for n in NUMBERS]


def test_times_outside_of_the_video_hold_its_ends(tmp_path):
    path = synthesise.write(tmp_path / "clip.mp4")

    assert numbers_at(path, [-1.0, 0.35, 9.0, 99.0]) == [0, 3, 19, 19]
    assert numbers_at(path, [50.0]) == [19]


def test_one_frame_can_be_asked_for_many_times(tmp_path):
    path = synthesise.write(tmp_path / "clip.mp4")

    assert numbers_at(path, [0.31, 0.32, 0.33, 0.41]) == [3, 3, 3, 4]


def test_images_have_the_size_that_was_asked_for(tmp_path):
    path = synthesise.write(tmp_path / "clip.mp4")

    for size in [(24, 24), (12, 40), (96, 96)]:
        clip = decoding.read_frames(path, MIDDLES, size=size)

        assert clip.shape == (4, *size, 3)
        assert clip.dtype == "uint8"
        assert synthesise.numbers(clip) == NUMBERS


@pytest.mark.parametrize("turn", [0, 90])
def test_a_box_is_cut_out_of_the_upright_frame(tmp_path, turn):
    path = synthesise.write(
        tmp_path / "clip.mp4", turn=turn, height=96, width=128
    )
    whole = decoding.read_frames(path, MIDDLES).astype(int)

    part = decoding.read_frames(
        path, MIDDLES, size=(48, 64), box=(0.25, 0.5, 0.5, 0.5)
    )

    assert np.abs(part - whole[:, 24:72, 64:]).max() <= 8


@pytest.mark.parametrize("times", [[], [1.0, 0.5]])
def test_times_that_do_not_ascend_are_refused(tmp_path, times):
    with pytest.raises(ValueError, match="must be ascending"):
        decoding.read_frames(tmp_path / "clip.mp4", times)


def test_a_file_that_vanished_raises_a_reason(tmp_path):
    with pytest.raises(decoding.DecodingError, match="No such file"):
        decoding.read_frames(tmp_path / "gone.mp4", [0.0])


def test_sound_without_a_picture_raises_a_reason(tmp_path):
    path = synthesise.write_sound(tmp_path / "sound.mp4")

    with pytest.raises(decoding.DecodingError, match="no video stream"):
        decoding.probe(path)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_facts_describe_what_is_shown(tmp_path, name):
    turn = 90 if name == "clip.mp4" else 0
    path = synthesise.write(tmp_path / name, turn=turn)

    facts = decoding.probe(path)

    assert facts.duration == pytest.approx(2.0, abs=0.01)
    assert facts.fps == pytest.approx(10)
    assert (facts.width, facts.height) == (64, 48)
    assert facts.rotation == (270 if turn else 0)


@pytest.mark.parametrize(
    "codec, name, reason",
    [
        ("libvpx", "clip.webm", "truncated: it ends after .* of 6.00 seconds"),
        ("libx264", "clip.mkv", "truncated: it ends after .* of 6.00 seconds"),
        ("libx264", "clip.mp4", "Invalid data"),
    ],
)
def test_a_truncated_file_raises_a_reason(tmp_path, codec, name, reason):
    path = synthesise.write(tmp_path / name, codec=codec, count=60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(decoding.DecodingError, match=reason):
        decoding.probe(path)


def test_a_truncated_file_with_its_index_first_raises_a_reason(tmp_path):
    path = synthesise.write(tmp_path / "clip.mp4", count=60, index_first=True)
    content = path.read_bytes()
    frames = content.index(b"mdat")
    path.write_bytes(content[: (frames + len(content)) // 2])

    with pytest.raises(decoding.DecodingError, match="it ends|its end"):
        decoding.probe(path)


def test_the_duration_is_that_of_the_frames_not_of_the_header(tmp_path):
    path = synthesise.write(tmp_path / "clip.avi", codec="mpeg4", count=60)
    content = bytearray(path.read_bytes())
    frames = content.index(b"avih") + 8 + 16
    length = content.index(b"strh") + 8 + 32
    content[frames : frames + 4] = (5).to_bytes(4, "little")
    content[length : length + 4] = (5).to_bytes(4, "little")
    path.write_bytes(content)

    facts = decoding.probe(path)

    assert facts.duration == pytest.approx(6.0, abs=0.2)
