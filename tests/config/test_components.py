"""Plug-ins are built from a name, their arguments and shared options."""

import pytest

from layerlock.config import OptionError, PretrainConfig, components
from layerlock.core.freezing.schedules import LinearFreezeSchedule
from layerlock.core.pretraining.masks import RandomMask


def config(**options):
    return PretrainConfig.of(**options).resolve()


def test_shared_options_reach_the_constructor():
    mask = components.build(config(mask="random", mask_ratio=0.6), "mask")

    assert isinstance(mask, RandomMask)
    assert mask.ratio == 0.6


def test_own_arguments_may_be_a_text_or_a_dict():
    text = config(mask="random", mask_args="ratio=0.6")
    given = config(mask="random", mask_args={"ratio": 0.6})

    assert components.own_arguments(text, "mask") == {"ratio": 0.6}
    assert components.own_arguments(given, "mask") == {"ratio": 0.6}


def test_an_argument_that_is_given_twice_is_refused():
    twice = config(mask="random", mask_args="ratio=0.6").but(mask_ratio=0.7)

    with pytest.raises(OptionError, match="ratio is given twice"):
        components.build(twice.resolve(), "mask")


def test_an_instance_is_used_as_it_is():
    mask = RandomMask(0.5)

    assert components.build(config(mask=mask), "mask") is mask
    assert components.accepted(config(mask=mask), "mask") == []


def test_further_arguments_reach_those_that_take_them():
    chosen = config(schedule="linear", start_step=3, interval=2)

    schedule = components.build(chosen, "schedule", color="red")

    assert isinstance(schedule, LinearFreezeSchedule)
    assert schedule.start_step == 3


@pytest.mark.parametrize("schedule", ["linear", "converged"])
def test_a_schedule_that_comes_after_the_end_is_refused(schedule):
    late = PretrainConfig.of(steps=10, start_step=10, schedule=schedule)

    with pytest.raises(OptionError, match="Nothing would freeze.*step 10"):
        late.resolve()


def test_a_schedule_of_more_layers_than_may_freeze_is_refused():
    deep = PretrainConfig.of(max_frozen_layers=99)

    with pytest.raises(OptionError, match="At most 6 layers.*freezes 99"):
        deep.resolve()
