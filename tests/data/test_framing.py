"""Views stay inside of the video, and of the part that was asked for."""

import numpy as np
import pytest

from layerlock.data.framing import Framing
from layerlock.data.streams import Facts

WIDE = Facts(duration=10.0, fps=30.0, width=400, height=100, rotation=0)
TALL = Facts(duration=10.0, fps=30.0, width=100, height=400, rotation=0)
SHORT = Facts(duration=0.5, fps=30.0, width=100, height=100, rotation=0)
SLOW = Facts(duration=10.0, fps=2.0, width=100, height=100, rotation=0)


@pytest.mark.parametrize("facts", [WIDE, TALL, SHORT, SLOW])
@pytest.mark.parametrize("span", [None, (2.0, 6.0)])
def test_drawn_views_stay_inside(facts, span):
    framing = Framing(8, 32)
    first, last = span or (0.0, facts.duration)
    for seed in range(200):
        view = framing.random_view(facts, np.random.default_rng(seed), span)
        top, left, height, width = view.box
        assert top >= 0 and top + height <= 1 + 1e-9
        assert left >= 0 and left + width <= 1 + 1e-9
        assert view.times[0] >= first
        if framing.length(facts) <= min(last, facts.duration) - first:
            assert view.times[-1] <= last + 1e-9
        else:  # the last frame is held
            assert view.times[0] == first


def test_all_of_a_span_is_drawn_from():
    framing = Framing(8, 32)
    starts = [
        framing.random_view(
            WIDE, np.random.default_rng(seed), (2.0, 6.0)
        ).times[0]
        for seed in range(500)
    ]
    last = 6.0 - framing.length(WIDE)
    assert min(starts) < 2.0 + 0.05 * (last - 2.0)
    assert max(starts) > last - 0.05 * (last - 2.0)


def test_times_follow_the_rate_asked_for_or_a_slower_video():
    assert np.allclose(
        np.diff(Framing(4, 32, fps=5.0).central_view(WIDE).times), 1 / 5
    )
    assert np.allclose(np.diff(Framing(4, 32).central_view(WIDE).times), 1 / 8)
    assert np.allclose(np.diff(Framing(4, 32).central_view(SLOW).times), 1 / 2)


@pytest.mark.parametrize(("facts", "along"), [(WIDE, 1), (TALL, 0)])
def test_spread_views_reach_both_ends(facts, along):
    framing = Framing(8, 32)
    views = framing.spread(facts, clips=3, crops=2)

    assert len(views) == 6
    starts = sorted({view.times[0] for view in views})
    assert starts[0] == 0
    last = starts[-1] + framing.length(facts)
    end = facts.duration - 1 / facts.fps  # when the last frame begins
    assert last == pytest.approx(end, abs=0.5 / facts.fps)
    places = sorted({view.box[along] for view in views})
    assert places == [0, 0.75]
    for view in views:
        height, width = view.box[2:]
        assert height * facts.height == width * facts.width == 100
        assert not view.mirrored


def test_the_middle_is_the_middle():
    view = Framing(9, 32).central_view(WIDE)

    assert np.mean(view.times) == pytest.approx(5.0, abs=1 / WIDE.fps)
    assert view.box == (0, 0.375, 1, 0.25)


@pytest.mark.parametrize("fps", [12.0, 24.0, 30000 / 1001])
def test_clips_at_the_rate_of_the_video_begin_and_end_with_a_frame(fps):
    facts = Facts(48 / fps, fps, 64, 48, 0)
    framing = Framing(16, 32, fps=fps)
    views = framing.spread(facts, clips=7, crops=1)
    views += [
        framing.random_view(facts, np.random.default_rng(n)) for n in range(9)
    ]

    for view in views:
        numbers = view.times * fps
        assert numbers == pytest.approx(numbers.round(), abs=1e-6)
    assert views[0].times[0] == 0
    assert views[6].times[-1] * fps == pytest.approx(47)


def test_clips_begin_with_the_first_frame_that_can_be_decoded():
    facts = Facts(3.7, 10.0, 64, 48, 0, begin=0.7)  # 30 frames
    framing = Framing(8, 32, fps=10.0)
    views = framing.spread(facts, clips=5, crops=1)

    assert views[0].times[0] == pytest.approx(0.7)
    assert views[4].times[-1] == pytest.approx(3.6)
    for view in views:
        numbers = (view.times - 0.7) * 10
        assert numbers == pytest.approx(numbers.round(), abs=1e-6)
    early = framing.central_view(facts, span=(0.0, 1.0))
    assert early.times[0] == pytest.approx(0.7)


@pytest.mark.parametrize(("count", "short"), [(15, True), (16, False)])
@pytest.mark.parametrize("fps", [8.0, 24.0, 29.97])
def test_a_video_with_one_frame_too_few_is_short(count, short, fps):
    facts = Facts(count / fps, fps, 64, 48, 0)

    assert Framing(16, 32, fps).is_short(facts) == short
