"""Frames that are spread over the whole of a video, by the published rule."""

import numpy as np
import pytest

from layerlock.data import decoding, segments
from layerlock.data.framing import Framing
from layerlock.data.streams import Facts
from tests.data import synthesise


def facts_of(count, fps=10.0, begin=0.0):
    return Facts(begin + count / fps, fps, 64, 48, 0, begin)


def numbers(times, fps=10.0, begin=0.0):
    return np.floor((times - begin) * fps).astype(int).tolist()


def test_one_clip_has_the_centres_and_two_have_the_starts_too():
    framing = Framing(4, 32, sampling="whole")
    facts = facts_of(24)

    [one] = framing.spread(facts, 1, 1)
    first, second = framing.spread(facts, 2, 1)

    assert numbers(one.times) == [3, 9, 15, 21]
    assert numbers(first.times) == [0, 6, 12, 18]
    assert numbers(second.times) == numbers(one.times)
    assert numbers(framing.central_view(facts).times) == numbers(one.times)


def test_crops_of_a_clip_have_its_times():
    framing = Framing(4, 32, sampling="whole")

    views = framing.spread(facts_of(24), 2, 3)

    assert len({view.box for view in views}) == 3
    for first in (0, 3):
        times = [view.times.tolist() for view in views[first : first + 3]]
        assert times[0] == times[1] == times[2]


def test_all_frames_of_a_segment_are_drawn_and_no_others():
    framing = Framing(4, 32, sampling="whole")
    facts = facts_of(13)

    drawn = {
        tuple(
            numbers(
                framing.random_view(facts, np.random.default_rng(seed)).times
            )
        )
        for seed in range(300)
    }

    found = [sorted(set(column)) for column in zip(*drawn, strict=True)]
    assert found == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9], [10, 11, 12]]


def test_crops_do_not_depend_on_the_sampling():
    views = [
        Framing(4, 32, sampling=sampling).random_view(
            facts_of(30), np.random.default_rng(5)
        )
        for sampling in ("rate", "whole")
    ]

    assert views[0].box == views[1].box
    assert views[0].mirrored == views[1].mirrored


def test_a_span_inside_of_one_frame_gives_that_frame():
    times = segments.shifted(facts_of(30), 3, span=(1.01, 1.04))

    assert times.tolist() == pytest.approx([1.025] * 3)


def test_a_span_that_exceeds_the_video_ends_with_it():
    facts = facts_of(20, begin=0.5)

    times = segments.shifted(facts, 4, span=(0.0, 99.0))

    assert numbers(times, begin=0.5) == [2, 7, 12, 17]


def test_a_video_is_short_if_it_has_fewer_frames_than_a_clip():
    framing = Framing(16, 32, sampling="whole")

    assert framing.is_short(facts_of(15))
    assert not framing.is_short(facts_of(16))
    assert not framing.is_short(facts_of(16, begin=0.7))


def test_a_rate_for_the_whole_video_is_refused():
    with pytest.raises(ValueError, match="fps=8.0, sampling=whole. Leave out"):
        Framing(4, 32, fps=8.0, sampling="whole")
    with pytest.raises(ValueError, match="Unknown `sampling`: 'all'. Expected"):
        Framing(4, 32, sampling="all")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.mp4", {"fps": 10}),
        ("clip.mkv", {"fps": 30}),  # its clock counts milliseconds
        ("clip.webm", {"fps": 24, "codec": "libvpx-vp9"}),
        ("clip.ts", {"fps": 25}),
    ],
)
def test_every_frame_of_a_file_is_read_once(tmp_path, name, options):
    pytest.importorskip("av")
    path = synthesise.write(tmp_path / name, count=16, **options)
    facts = decoding.probe(path)
    framing = Framing(
        16, 24, scale=(1, 1), aspect=(4 / 3, 4 / 3), flip=0, sampling="whole"
    )

    views = framing.spread(facts, 3, 1)
    views += [
        framing.random_view(facts, np.random.default_rng(n)) for n in range(3)
    ]

    for view in views:
        times = view.times
        clip = decoding.read_frames(path, times, (24, 32))
        assert synthesise.numbers(clip) == list(range(16))
