"""Tests of the schedule that freezes nothing."""

from layerlock.core.freezing.schedules import NeverFreezeSchedule


def test_it_has_no_events():
    assert NeverFreezeSchedule().events(10**9) == []
    assert NeverFreezeSchedule().next_event(0, 10**9) is None
