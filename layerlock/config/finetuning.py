"""Options of fine-tuning: its optimizer, and when blocks freeze."""

import math

from layerlock.config import components, facts, freezing
from layerlock.config.option import option
from layerlock.config.section import Section, section
from layerlock.config.training import rounded, warmup_steps


def _learning_rate(config):
    """0.2 / width, times the square root of batch_size / 32"""
    width = facts.judged_sizes(config.encoder.encoder)["hidden_dim"]
    scale = math.sqrt(config.training.batch_size / 32)
    return rounded(0.2 / width * scale)


def _validate_every(config):
    """10 % of steps"""
    return max(1, config.training.steps // 10)


def _start_step(config):
    """10 % of steps"""
    return freezing.start_step(config)


def _interval(config):
    """all freezes take 80 % of steps"""
    return freezing.interval(config)


@section
class FinetuneTrainingConfig(Section):
    """AdamW with layer-wise decay of the learning rate."""

    title = "Training"
    border = 1  # see `TrainingConfig`; one step per execution

    steps: int = option(1000, "Optimizer steps.", low=1, high=10**10)
    batch_size: int = option(32, "Clips in a batch.", low=1)
    learning_rate: float = option(
        rule=_learning_rate, above=0, help="Highest learning rate of AdamW."
    )
    layer_decay: float = option(
        0.75,
        "Block i of n learns at the learning rate times this to the power of "
        "n - i, the embedding as block 0; 1 is the same rate for all.",
        above=0,
        high=1,
    )
    warmup_steps: int = option(
        rule=warmup_steps,
        low=0,
        help="Steps over which the learning rate rises at the start.",
    )
    weight_decay: float = option(0.05, "Of AdamW.", low=0)
    gradient_clip: float = option(
        1.0, "Largest norm of the gradient; 0 turns clipping off.", low=0
    )
    validate_every: int = option(
        rule=_validate_every,
        low=1,
        help="Optimizer steps between scores on the validation split.",
    )


@section
class FinetuneFreezingConfig(freezing.ScheduleConfig):
    """When the blocks of a fine-tuned encoder freeze."""

    start_share = 0.1
    span_share = 0.8

    schedule: str = option(
        "never",
        "When blocks freeze.",
        choices=facts.fixed_schedules,
        plugin=True,
    )
    start_step: int | None = option(
        rule=_start_step,
        low=1,
        argument_of="schedule",
        help="Optimizer step of the first freeze.",
    )
    interval: int | None = option(
        rule=_interval,
        low=1,
        argument_of="schedule",
        help="Optimizer steps between freezes.",
    )

    def num_freezable(self, config) -> int:
        """How many blocks may freeze."""
        return facts.judged_sizes(config.encoder.encoder)["num_layers"]

    def build(self, config):
        """The schedule, if it does something in the run."""
        return components.build_schedule(
            config,
            self.num_freezable(config),
            "blocks of this encoder may freeze",
        )

    def check_together(self, config):
        self.build(config)
