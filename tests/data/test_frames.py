"""Frames come in the order in which they are shown, with their times."""

import fractions
import types

import numpy as np
import pytest

from layerlock.data import frames, packets, streams

pytest.importorskip("av")


class Frame(types.SimpleNamespace):
    def __init__(self, pts, number, dts=None, key=True):
        super().__init__(pts=pts, dts=dts, key_frame=key, number=number)
        self.side_data, self.duration = {}, 0


def shown(decoded, monkeypatch, start=0, pix_fmt="yuv420p"):
    """Times and numbers of frames that a decoder returns one by one."""
    stream = types.SimpleNamespace(
        time_base=fractions.Fraction(1, 1000),
        start_time=500,
        average_rate=10,
        guessed_rate=10,
        codec_context=types.SimpleNamespace(
            has_b_frames=True,
            pix_fmt=pix_fmt,
            codec=types.SimpleNamespace(intra_only=False),
        ),
    )
    container = types.SimpleNamespace(format=types.SimpleNamespace(name="mov"))
    each = [types.SimpleNamespace(decode=lambda f=f: [f]) for f in decoded]
    monkeypatch.setattr(packets, "packets_from", lambda *_: iter(each))
    video = streams.Video("x.mov", container, stream)
    found = frames.timed_frames(video, start)
    return [(round(time, 6), frame.number) for time, frame, _ in found]


def test_frames_get_the_stamps_of_their_neighbours_in_order(monkeypatch):
    stamps = [500, 700, 600, 800]
    decoded = [Frame(stamp, number) for number, stamp in enumerate(stamps)]

    times = [(0.0, 0), (0.1, 1), (0.2, 2), (0.3, 3)]
    assert shown(decoded, monkeypatch) == times


def test_missing_stamps_are_counted_on(monkeypatch):
    decoded = [Frame(500, 0), Frame(None, 1, dts=600), Frame(None, 2)]
    assert shown(decoded, monkeypatch) == [(0.0, 0), (0.1, 1), (0.2, 2)]

    decoded = [Frame(None, 0), Frame(None, 1)]
    assert shown(decoded, monkeypatch) == [(0.0, 0), (0.1, 1)]
    assert shown(decoded, monkeypatch, start=1.0) == []


def test_frames_before_the_first_stamp_end_at_it(monkeypatch):
    decoded = [Frame(None, 0), Frame(None, 1), Frame(900, 2), Frame(None, 3)]
    decoded[1].duration = decoded[2].duration = 50

    times = [(0.25, 0), (0.35, 1), (0.4, 2), (0.45, 3)]
    assert shown(decoded, monkeypatch) == times


def test_a_stream_without_stamps_is_not_kept_in_memory(monkeypatch):
    monkeypatch.setattr(frames, "_MAX_EARLY", 2)
    decoded = [Frame(None, number) for number in range(4)]

    times = [(0.0, 0), (0.1, 1), (0.2, 2), (0.3, 3)]
    assert shown(decoded, monkeypatch) == times


def test_frames_with_a_palette_are_read_from_the_start(monkeypatch):
    decoded = [Frame(900, 4)]

    assert shown(decoded, monkeypatch, pix_fmt="pal8")
    assert not shown(decoded, monkeypatch, start=0.4, pix_fmt="pal8")


def test_frames_before_the_first_key_frame_are_left_out_after_a_seek(
    monkeypatch,
):
    decoded = [
        Frame(500, 0, key=False),
        Frame(600, 1),
        Frame(700, 2, key=False),
    ]

    assert shown(decoded, monkeypatch, start=0.1) == [(0.1, 1), (0.2, 2)]
    everything = [(0.0, 0), (0.1, 1), (0.2, 2)]
    assert shown(decoded, monkeypatch) == everything


def test_a_key_frame_turns_the_frames_up_to_the_next_one():
    half_turn = np.array([-1, 0, 0, 0, -1, 0, 0, 0, 1 << 14]) << 16
    matrix = half_turn.astype("<i4").tobytes()
    decoded = [Frame(0, n, key=n % 3 == 0) for n in range(6)]
    decoded[0].side_data = {"DISPLAYMATRIX": matrix}

    turns = [orient.turns for _, orient in frames._oriented(decoded)]

    assert turns == [2, 2, 2, 0, 0, 0]
