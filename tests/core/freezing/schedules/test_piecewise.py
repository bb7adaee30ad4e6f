"""Tests of the piecewise freeze schedule."""

import pytest

from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule


def test_the_events_are_those_of_the_list():
    events = [(3, 1), (4, 5), (1000, 6)]

    assert PiecewiseFreezeSchedule(events).events(1000) == events
    assert PiecewiseFreezeSchedule(events).events(999) == events[:2]


def test_an_empty_list_freezes_nothing():
    schedule = PiecewiseFreezeSchedule([])

    assert schedule.max_layers(10**9) == 0
    assert schedule.events(10**9) == []


def test_it_does_not_follow_a_list_that_is_changed_later():
    events = [(3, 1)]
    schedule = PiecewiseFreezeSchedule(events)

    events.append((4, 2))

    assert schedule.frozen_layers(10) == 1


@pytest.mark.parametrize(
    "events, message",
    [
        ([(10, 2), (20, 1)], "never thaw"),
        ([(10, 1), (10, 2)], "never thaw"),
        ([(20, 1), (10, 2)], "never thaw"),
        ([(10, 1), (20, 1)], "change nothing"),
        ([(0, 1)], "step 0"),
        ([(10, 0)], "freeze nothing"),
        ([(1.5, 1)], "whole number"),
        ([10, 20], "list of pairs"),
        ([(1, 2, 3)], "list of pairs"),
        (None, "list of pairs"),
        (7, "list of pairs"),
    ],
)
def test_events_that_make_no_sense_are_refused(events, message):
    with pytest.raises(ValueError, match=message):
        PiecewiseFreezeSchedule(events)
