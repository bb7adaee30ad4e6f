"""Defaults of the freeze schedule follow the length of a run."""

import pytest

from layerlock.config import OptionError, PretrainConfig


def freezing(**options):
    return PretrainConfig.of(**options).resolve().freezing


def test_freezes_begin_at_60_percent_and_take_32():
    chosen = freezing(steps=1000, max_frozen_layers=4)

    assert (chosen.start_step, chosen.interval) == (600, 80)
    assert chosen.mini_warmup_steps == 20  # a quarter of the interval


def test_layers_that_freeze_together_need_fewer_events():
    chosen = freezing(steps=1000, max_frozen_layers=4, layers_per_event=2)

    assert chosen.interval == 160


def test_arguments_of_the_schedule_replace_the_options():
    chosen = freezing(steps=1000, schedule_args="start_step=5,interval=7")

    assert chosen.start_step is None
    assert chosen.interval is None


def test_a_schedule_that_decides_by_itself_may_begin_early():
    assert freezing(steps=1000, schedule="converged").start_step == 100


@pytest.mark.parametrize(
    "option", [{"head_reset": True}, {"mini_warmup_steps": 3}]
)
def test_without_freezes_nothing_follows_them(option):
    assert freezing(schedule="never").mini_warmup_steps == 0

    with pytest.raises(OptionError, match="is about freezes.*never"):
        freezing(schedule="never", **option)
