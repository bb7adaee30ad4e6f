"""What a video says of itself is read, and not trusted too far."""

import fractions
import types

import pytest

from layerlock.data import streams
from layerlock.data.streams import DecodingError

MILLISECOND = fractions.Fraction(1, 1000)


def stream(**facts):
    """A stream of 10 frames a second, counted in milliseconds."""
    known = {
        "time_base": MILLISECOND,
        "start_time": 500,
        "average_rate": fractions.Fraction(10),
        "duration": None,
        "metadata": {},
    }
    return types.SimpleNamespace(**known | facts)


def frame(pts, number, dts=None, key=True):
    return types.SimpleNamespace(pts=pts, dts=dts, key_frame=key, number=number)


def shown(frames, from_start=True):
    container = types.SimpleNamespace(decode=lambda stream: iter(frames))
    found = streams.timed_frames(container, stream(), from_start)
    return [(round(time, 6), frame.number) for time, frame in found]


def test_frames_get_the_stamps_of_their_neighbours_in_order():
    stamps = [500, 700, 600, 800]
    frames = [frame(stamp, number) for number, stamp in enumerate(stamps)]

    assert shown(frames) == [(0.0, 0), (0.1, 1), (0.2, 2), (0.3, 3)]


def test_missing_stamps_are_counted_on():
    frames = [frame(500, 0), frame(None, 1, dts=600), frame(None, 2)]
    assert shown(frames) == [(0.0, 0), (0.1, 1), (0.2, 2)]

    frames = [frame(None, 0), frame(None, 1)]
    assert shown(frames) == [(0.0, 0), (0.1, 1)]
    assert shown(frames, from_start=False) == []


def test_what_leads_the_first_key_frame_is_left_out():
    frames = [frame(500, 0, key=False), frame(600, 1), frame(700, 2, key=False)]
    assert shown(frames) == [(0.1, 1), (0.2, 2)]


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"duration": 2500}, 2.5),
        ({"metadata": {"DURATION": "01:02:03.5"}}, 3723.5),
        ({"metadata": {"DURATION": "soon"}}, None),
        ({}, None),
    ],
)
def test_the_header_says_how_long_it_is_or_does_not(facts, seconds):
    assert streams.header_duration(stream(**facts)) == seconds


def test_the_last_stamp_is_the_latest_of_all_packets():
    packets = [frame(700, 0), frame(900, 1), frame(None, 2, dts=800)]
    packets.append(frame(None, 3))  # what ends a stream
    container = types.SimpleNamespace(demux=lambda stream: iter(packets))

    assert streams.last_stamp(container, stream()) == pytest.approx(0.4)


def test_a_reason_is_one_line_without_the_name_of_the_file():
    error = FileNotFoundError(2, "No such\n file", "/secret/a.mp4")

    assert streams.reason(error) == "No such file"
    assert streams.reason(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    ("cause", "may_pass"),
    [
        (None, False),
        (OSError(5, "Input/output error"), True),
        (OSError(2, "No such file or directory"), False),
        (TypeError("no time base"), True),
    ],
)
def test_only_the_files_own_faults_last(cause, may_pass):
    inner, outer = DecodingError("inner"), DecodingError("outer")
    inner.__cause__, outer.__cause__ = cause, inner

    assert inner.may_pass == outer.may_pass == may_pass
