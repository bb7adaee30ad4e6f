"""Tests of the linear freeze schedule."""

import pytest

from layerlock.core.freezing.schedules import LinearFreezeSchedule


def test_the_defaults_are_the_papers_schedule_for_its_largest_encoder():
    schedule = LinearFreezeSchedule()

    events = schedule.events(last_step=480_000)

    assert events[0] == (160_000, 1)
    assert events[1] == (170_000, 2)
    assert events[-1] == (470_000, 32)
    assert schedule.frozen_layers(10**9) == 32


def test_one_event_freezes_several_layers_and_stops_at_the_limit():
    schedule = LinearFreezeSchedule(10, 5, 3, max_frozen_layers=7)

    assert schedule.events(1000) == [(10, 3), (15, 6), (20, 7)]


@pytest.mark.parametrize(
    "name", ["start_step", "interval", "layers_per_event", "max_frozen_layers"]
)
@pytest.mark.parametrize("value", [0, -1, 1.5, "10", None, True])
def test_an_argument_that_is_no_count_is_refused(name, value):
    with pytest.raises(ValueError) as error:
        LinearFreezeSchedule(**{name: value})

    assert f"{name}={value!r}" in str(error.value)


def test_an_interval_of_zero_is_answered_with_the_piecewise_schedule():
    with pytest.raises(ValueError, match="PiecewiseFreezeSchedule"):
        LinearFreezeSchedule(interval=0)
