"""The adaptive schedule."""

import pytest

from layerlock.core.freezing.schedules import (
    ConvergedFreezeSchedule,
    PiecewiseFreezeSchedule,
)

QUIET, LOUD = 0.001, 1.0


def observe(schedule, measurements):
    return [schedule.observe(step, drifts) for step, drifts in measurements]


def build(**arguments):
    return ConvergedFreezeSchedule(
        **{"threshold": 0.1, "window": 2, "start_step": 1, **arguments}
    )


def test_a_layer_freezes_after_a_window_below_the_threshold():
    schedule = build(window=3)

    found = observe(schedule, [(10 * i, [QUIET, LOUD]) for i in range(1, 6)])

    assert found == [False, False, True, False, False]
    assert schedule.events(1000) == [(30, 1)]
    assert [schedule.frozen_layers(step) for step in (29, 30, 999)] == [0, 1, 1]


def test_one_loud_measurement_starts_the_window_anew():
    drifts = [QUIET, LOUD, QUIET, QUIET]

    found = observe(
        build(), [(i, [drift]) for i, drift in enumerate(drifts, start=1)]
    )

    assert found == [False, False, False, True]


def test_layers_freeze_in_the_order_of_their_depth():
    schedule = build()

    found = observe(
        schedule,
        [
            (1, [LOUD, QUIET, QUIET]),
            (2, [LOUD, QUIET, QUIET]),
            (3, [QUIET, QUIET, QUIET]),
            (4, [QUIET, QUIET, QUIET]),  # the first
            (5, [QUIET, QUIET, LOUD]),  # the second, quiet for long
            (6, [QUIET, QUIET, QUIET]),
        ],
    )

    assert found == [False, False, False, True, True, False]
    assert schedule.events(100) == [(4, 1), (5, 2)]


def test_nothing_freezes_before_the_start():
    schedule = build(start_step=50)

    found = observe(schedule, [(step, [QUIET]) for step in (10, 20, 40, 50)])

    assert found == [False, False, False, True]


def test_it_stops_at_its_limit_and_at_the_last_layer():
    limited, short = build(window=1, max_frozen_layers=1), build(window=1)

    for step in range(1, 6):
        limited.observe(step, [QUIET] * 3)
        short.observe(step, [QUIET] * 2)

    assert limited.frozen_layers(100) == 1
    assert short.frozen_layers(100) == 2
    assert limited.max_layers() == 1


def test_what_it_found_is_a_piecewise_schedule():
    schedule = build(window=1)
    observe(schedule, [(7, [QUIET, LOUD]), (9, [QUIET, QUIET])])

    assert schedule.to_piecewise() == PiecewiseFreezeSchedule([(7, 1), (9, 2)])


def test_it_goes_on_from_its_state():
    measurements = [(i, [QUIET, QUIET]) for i in range(1, 6)]
    whole, first, second = (build(window=3) for _ in range(3))
    observe(whole, measurements)

    observe(first, measurements[:2])
    second.set_state(first.get_state())
    observe(second, measurements[2:])

    assert second == whole
    assert second.get_state() == whole.get_state()


@pytest.mark.parametrize("signal", ["weights", "features"])
def test_each_signal_has_a_threshold(signal):
    schedule = ConvergedFreezeSchedule(signal, window=1, start_step=1)

    assert not schedule.observe(1, [1.0])
    assert schedule.observe(2, [0.0])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"signal": "loss"}, "signal='loss'"),
        ({"signal": ["weights"]}, "signal="),
        ({"threshold": 0}, "threshold=0"),
        ({"threshold": "small"}, "threshold='small'"),
        ({"window": 0}, "window=0"),
        ({"start_step": 0}, "start_step=0"),
        ({"max_frozen_layers": 0}, "max_frozen_layers=0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError, match="Received") as refused:
        ConvergedFreezeSchedule(**arguments)
    assert named in str(refused.value)
