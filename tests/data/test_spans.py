"""Every frame of a span, wherever a seek lands."""

import pytest

from layerlock.data import decoding, encoding
from tests.data import synthesise

pytest.importorskip("av")


def times_and_numbers(path, span=None):
    frames = list(decoding.all_frames(path, span=span))
    return (
        [time for time, _ in frames],
        [synthesise.number(image) for _, image in frames],
    )


@pytest.mark.parametrize("name", ["clip.ts", "clip.m2ts", "clip.mp4"])
@pytest.mark.parametrize("span", [(5.3, 6.0), (12.0, 12.4)])
def test_a_span_begins_where_it_should(tmp_path, name, span):
    path = synthesise.write(tmp_path / name, count=140)

    times, numbers = times_and_numbers(path, span)

    first, last = (round(10 * second) for second in span)
    assert numbers == list(range(first, last + 1))
    assert times == pytest.approx([number / 10 for number in numbers])


def test_a_span_of_frames_without_times_is_found(tmp_path):
    path = synthesise.write(
        tmp_path / "clip.h264", fps=25, options={"bframes": "0"}
    )

    _, numbers = times_and_numbers(path, (0.4, 0.6))

    assert numbers == list(range(10, 16))


def test_after_the_end_there_is_no_frame(tmp_path):
    path = synthesise.write(tmp_path / "clip.ts")

    assert times_and_numbers(path, (5.0, 6.0)) == ([], [])


def test_a_copy_of_a_span_is_whole(tmp_path):
    path = synthesise.write(tmp_path / "clip.ts", count=100)

    count = encoding.transcode(path, tmp_path / "out.mp4", span=(5.3, 6.0))

    assert count == 8
    assert times_and_numbers(tmp_path / "out.mp4")[1] == list(range(53, 61))
