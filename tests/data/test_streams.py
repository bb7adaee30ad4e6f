"""What a video says of itself is read, and not trusted too far."""

import fractions
import types

import pytest

from layerlock.data import streams
from layerlock.data.streams import DecodingError

MILLISECOND = fractions.Fraction(1, 1000)


def container(name, duration=None, streams=1):
    return types.SimpleNamespace(
        format=types.SimpleNamespace(name=name),
        duration=duration,
        streams=[None] * streams,
    )


def stream(**facts):
    """A stream of 10 frames a second, counted in milliseconds."""
    known = {
        "time_base": MILLISECOND,
        "start_time": 500,
        "average_rate": fractions.Fraction(10),
        "duration": None,
        "metadata": {},
        "container": container("matroska,webm"),
    }
    return types.SimpleNamespace(**known | facts)


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"duration": 2500, "container": container("mov,mp4")}, 2.5),
        # The time of the end; the first frame is half a second late.
        ({"metadata": {"DURATION": "01:02:03.5"}}, 3723.0),
        ({"metadata": {"DURATION": "soon"}}, None),
        # A tag of the file that the video was copied from.
        (
            {
                "metadata": {"DURATION": "01:02:03.5"},
                "container": container("nut"),
            },
            None,
        ),
        ({}, None),
        ({"container": container("flv", 3_000_000)}, 2.5),
        ({"container": container("asf", 3_000_000), "duration": 9}, 2.5),
        # Perhaps that of the sound.
        ({"container": container("flv", 3_000_000, streams=2)}, None),
        ({"container": container("flv", 400_000)}, None),
        ({"container": container("flv")}, None),
    ],
)
def test_the_header_says_how_long_it_is_or_does_not(facts, seconds):
    assert streams.header_duration(stream(**facts)) == seconds


@pytest.mark.parametrize(
    ("average", "guessed", "rate"),
    [(25, 25, 25), (12.5, 25, 12.5), (1000, 25, 25), (None, 30, 30)],
)
def test_the_rate_is_not_that_of_the_clock(average, guessed, rate):
    assert (
        streams.rate(stream(average_rate=average, guessed_rate=guessed)) == rate
    )


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
