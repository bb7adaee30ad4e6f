"""What holds for every schedule, whatever its arguments."""

import itertools

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, strategies as st

from layerlock.core.freezing.schedules import (
    LinearFreezeSchedule,
    PiecewiseFreezeSchedule,
)
from layerlock.core.freezing.schedules.base import LAST_STEP
from layerlock.core.freezing.schedules.converged import ConvergedFreezeSchedule
from tests.fuzz.properties import examples

COUNTS = st.integers(1, 200)
STEPS = st.integers(0, LAST_STEP)


@st.composite
def linear(draw):
    return LinearFreezeSchedule(
        draw(st.integers(1, 10**6)),
        draw(st.integers(1, 10**5)),
        draw(st.integers(1, 8)),
        draw(COUNTS),
    )


@st.composite
def piecewise(draw):
    gaps = draw(st.lists(st.tuples(st.integers(1, 10**5), st.integers(1, 9))))
    events = itertools.accumulate(
        gaps, lambda one, two: (one[0] + two[0], one[1] + two[1])
    )
    return PiecewiseFreezeSchedule(list(events))


SCHEDULES = st.one_of(linear(), piecewise())


@examples(100)
@given(SCHEDULES, st.lists(STEPS, min_size=2, max_size=20))
def test_more_steps_never_thaw_a_layer(schedule, steps):
    frozen = [schedule.frozen_layers(step) for step in sorted(steps)]

    assert frozen == sorted(frozen)
    assert schedule.frozen_layers(0) == 0
    assert 0 <= frozen[0] and frozen[-1] <= schedule.max_layers()


@examples(50)
@given(SCHEDULES, st.lists(STEPS, min_size=1, max_size=20))
def test_the_order_of_questions_does_not_matter(schedule, steps):
    forwards = [schedule.frozen_layers(step) for step in steps]
    backwards = [schedule.frozen_layers(step) for step in reversed(steps)]

    assert forwards == backwards[::-1]


@examples(50)
@given(SCHEDULES, STEPS)
def test_the_next_event_is_the_first_step_that_freezes_more(schedule, step):
    event = schedule.next_event(step)

    now = schedule.frozen_layers(step)
    if event is None:
        assert schedule.frozen_layers(LAST_STEP) == now
    else:
        assert event > step
        assert schedule.frozen_layers(event) > now
        assert schedule.frozen_layers(event - 1) == now


@examples(50)
@given(SCHEDULES)
def test_a_configuration_builds_the_same_schedule(schedule):
    assert type(schedule).from_config(schedule.get_config()) == schedule


@examples(50)
@given(
    st.lists(
        st.lists(st.floats(0, 1), min_size=4, max_size=4),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 3),
)
def test_an_adaptive_schedule_freezes_one_layer_at_a_time(changes, window):
    schedule = ConvergedFreezeSchedule(
        threshold=0.5, window=window, start_step=1, max_frozen_layers=3
    )

    for number, drifts in enumerate(changes, start=1):
        before = schedule.frozen_layers(number)
        froze = schedule.observe(number, drifts)
        assert schedule.frozen_layers(number) == before + froze <= 3

    assert schedule.to_piecewise().events(len(changes)) == [
        tuple(event) for event in schedule.get_config()["events"]
    ]
