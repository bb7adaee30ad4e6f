"""Defaults of a fine-tuning follow the encoder and the length."""

import pytest

from layerlock.config import FinetuneConfig, OptionError

RANDOM = "random:video_vit_nano"  # 96 wide, 8 blocks


def resolved(**options):
    return FinetuneConfig.of(encoder=RANDOM, **options).resolve()


def test_the_learning_rate_follows_width_and_batch():
    small = resolved(batch_size=8).training.learning_rate
    large = resolved(batch_size=32).training.learning_rate

    assert large == pytest.approx(0.2 / 96, rel=0.1)
    assert small == pytest.approx(large / 2, rel=0.1)


def test_nothing_freezes_unless_it_is_asked_for():
    assert resolved().freezing.build(resolved()).max_layers() == 0


def test_freezes_take_80_percent_after_the_first_tenth():
    config = resolved(schedule="linear", steps=100, max_frozen_layers=4)

    schedule = config.freezing.build(config)

    assert schedule.events(100) == [(10, 1), (30, 2), (50, 3), (70, 4)]


def test_all_blocks_may_freeze_and_no_more():
    resolved(schedule="linear", max_frozen_layers=8)

    with pytest.raises(OptionError, match="At most 8 blocks"):
        resolved(schedule="linear", max_frozen_layers=9)
