"""What every freeze schedule must do. A new file in the folder is found."""

import json

import pytest

from layerlock import plugins
from layerlock.core.freezing import schedules

STEPS = range(0, 1_000_000, 500)


@pytest.fixture(params=plugins.names("layerlock.core.freezing.schedules"))
def schedule(request):
    return schedules.get(request.param)


def test_nothing_is_frozen_at_step_0(schedule):
    assert schedule.frozen_layers(0) == 0


def test_never_thaws_a_layer(schedule):
    frozen = [schedule.frozen_layers(step) for step in STEPS]

    assert frozen == sorted(frozen)
    assert all(type(layers) is int for layers in frozen)


def test_it_is_a_pure_function_of_the_step(schedule):
    forwards = [schedule.frozen_layers(step) for step in STEPS]
    backwards = [schedule.frozen_layers(step) for step in reversed(STEPS)]

    assert forwards == backwards[::-1]


def test_its_events_tell_the_whole_story(schedule):
    events = [(0, 0), *schedule.events(STEPS[-1])]

    for step in STEPS:
        newest = max(event for event in events if event[0] <= step)
        assert schedule.frozen_layers(step) == newest[1]
    for step, layers in events[1:]:
        assert schedule.frozen_layers(step - 1) < layers
    # An adaptive one may freeze more than it knows of yet.
    if not schedule.is_adaptive:
        assert schedule.max_layers(STEPS[-1]) == events[-1][1]


def test_it_survives_a_round_trip_through_json(schedule):
    config = json.loads(json.dumps(schedule.get_config()))
    spec = {"class_name": type(schedule).__name__, "config": config}

    copy = schedules.get(spec)

    assert copy == schedule
    assert copy.events(STEPS[-1]) == schedule.events(STEPS[-1])


def test_its_arguments_can_be_typed(schedule):
    text = ",".join(
        f"{name}={value!r}" for name, value in schedule.get_config().items()
    )

    arguments = plugins.parse_arguments(text, type(schedule))

    assert type(schedule)(**arguments) == schedule
