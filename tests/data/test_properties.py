"""Clips of the whole video, whatever the video and the clip."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, strategies as st

from layerlock.data.framing import Framing
from layerlock.data.streams import Facts
from tests.fuzz.properties import examples
from tests.reference import segments as reference

RATES = st.sampled_from([0.5, 10.0, 12.0, 24000 / 1001, 25.0, 30000 / 1001])
FRAMES = st.integers(1, 64)


@st.composite
def videos(draw, most=3000):
    """Facts of a video, with rounded times, and its number of frames."""
    count, fps = draw(st.integers(1, most)), draw(RATES)
    begin = draw(st.integers(0, 30)) / fps
    return Facts(round(begin + count / fps, 6), fps, 64, 48, 0, begin), count


def shown(facts, times):
    return np.floor((times - facts.begin) * facts.fps).astype(int).tolist()


@examples(300)
@given(videos(), FRAMES, st.integers(1, 10))
def test_spread_clips_are_those_of_the_reference(video, frames, clips):
    facts, count = video
    framing = Framing(frames, 8, sampling="whole")

    views = framing.spread(facts, clips, crops=1)

    found = [shown(facts, view.times) for view in views]
    assert found == reference.spread(count, frames, clips)


@examples(300)
@given(videos(most=300), FRAMES, st.integers(0, 2**32))
def test_a_drawn_clip_has_a_frame_of_each_segment(video, frames, seed):
    facts, count = video
    framing = Framing(frames, 8, sampling="whole")

    times = framing.random_view(facts, np.random.default_rng(seed)).times

    found = shown(facts, times)
    if count < frames:  # all frames, and some of them again
        assert found == sorted(found)
        assert set(found) == set(range(count))
    else:
        choices = reference.choices(count, frames)
        assert all(n in some for n, some in zip(found, choices, strict=True))


@examples(300)
@given(
    videos(),
    FRAMES,
    st.integers(1, 4),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.integers(0, 2**32),
)
def test_times_ascend_inside_of_a_span(video, frames, clips, shares, seed):
    facts, _ = video
    span = tuple(share * facts.duration for share in shares)
    framing = Framing(frames, 8, sampling="whole")

    views = framing.spread(facts, clips, 1, span)
    views.append(framing.random_view(facts, np.random.default_rng(seed), span))

    last = min(max(span[1], facts.begin), facts.duration)
    first = min(max(span[0], facts.begin), last)
    for view in views:
        assert len(view.times) == frames
        assert (np.diff(view.times) >= 0).all()
        if span[1] >= facts.begin:
            assert first - 1e-6 <= view.times[0]
            assert view.times[-1] <= last + 1e-6
