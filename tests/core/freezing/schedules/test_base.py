"""Tests of what every freeze schedule inherits."""

import pytest

from layerlock.core.freezing import schedules
from layerlock.core.freezing.schedules.base import FreezeSchedule


class CountingSchedule(FreezeSchedule):
    """Freezes a layer every 1000 steps, and counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def frozen_layers(self, step):
        self.calls += 1
        return step // 1000

    def get_config(self):
        return {}


def test_the_next_event_is_the_first_step_that_freezes_more():
    schedule = CountingSchedule()

    assert schedule.next_event(0, 10_000) == 1000
    assert schedule.next_event(999, 10_000) == 1000
    assert schedule.next_event(1000, 10_000) == 2000


def test_the_last_step_still_counts_and_later_ones_do_not():
    schedule = CountingSchedule()

    assert schedule.next_event(1500, 2000) == 2000
    assert schedule.next_event(1500, 1999) is None
    assert schedule.next_event(2000, 2000) is None


def test_the_next_event_of_a_long_run_is_found_by_bisection():
    schedule = CountingSchedule()

    schedule.next_event(0, 10**9)

    assert schedule.calls < 50


def test_schedules_are_equal_if_their_class_and_arguments_are():
    schedule = schedules.LinearFreezeSchedule(10, 5)

    assert schedule == schedules.LinearFreezeSchedule(10, 5)
    assert hash(schedule) == hash(schedules.LinearFreezeSchedule(10, 5))
    assert schedule != schedules.LinearFreezeSchedule(10, 6)
    assert schedules.NeverFreezeSchedule() != (
        schedules.PiecewiseFreezeSchedule([])
    )


def test_the_repr_is_the_constructor_call():
    schedule = schedules.PiecewiseFreezeSchedule([(10, 1)])

    assert repr(schedule) == "PiecewiseFreezeSchedule(events=[[10, 1]])"


def test_get_takes_an_instance_a_name_or_a_configuration():
    schedule = schedules.LinearFreezeSchedule(10, 5)
    config = {
        "class_name": "LinearFreezeSchedule",
        "config": schedule.get_config(),
    }

    assert schedules.get(schedule) is schedule
    assert schedules.get("linear") == schedules.LinearFreezeSchedule()
    assert schedules.get(config) == schedule


@pytest.mark.parametrize("spec", [{"class_name": "Cosine"}, {}, "cosine"])
def test_an_unknown_schedule_is_answered_with_those_that_exist(spec):
    with pytest.raises(ValueError, match="(?i)Expected one of.*linear"):
        schedules.get(spec)


def test_what_is_no_schedule_at_all_is_refused():
    with pytest.raises(ValueError, match="Received: 160000"):
        schedules.get(160_000)
