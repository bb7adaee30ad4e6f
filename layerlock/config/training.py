"""Options of the optimizer, and of how long it works."""

import math

from layerlock.config import components, facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section

GRADIENT_CLIPS = {"patchwise": 1.0, "transformer": 10.0, "projector": 1.0}


def _learning_rate(config):
    """4 / width ** 1.5, times the square root of (batch_size times
    accumulation) / 32"""
    width = facts.encoder_sizes(config.encoder)["hidden_dim"]
    batch = config.training.batch_size * config.training.accumulation
    return rounded(4 / width**1.5 * math.sqrt(batch / 32))


def rounded(rate: float) -> float:
    """A learning rate to three digits."""
    return float(f"{rate:.3g}")


def multiple(steps: float, of: int) -> int:
    """The nearest multiple of a number, and not 0."""
    return max(1, round(steps / of)) * of


def warmup_steps(config):
    """5 % of steps"""
    steps = config.training.steps
    return min(steps // 20, steps - 1)


def _gradient_clip(config):
    """1; 10 for vjepa"""
    return GRADIENT_CLIPS[facts.predictor_kind(config)]


def _momentum(config):
    """vjepa with a moving average: 0.998,1, and a first one of
    1 - 600 / steps, at least 0.5, where that is less"""
    objective = facts.plugin_class("objective", config.method.objective)
    if not isinstance(config.method.objective, str):
        return None
    arguments = components.own_arguments(config, "objective")
    teacher = arguments.get("teacher", config.encoder.teacher)
    if (teacher or objective().teacher) != "ema":
        return None
    if {"momentum", "final_momentum"} & set(arguments):
        return None
    first = min(0.998, max(0.5, 1 - 600 / config.training.steps))
    return (f"{first:.4g}", "1")


@section
class TrainingConfig(Section):
    """AdamW, and the length of the run."""

    title = "Training"

    steps: int = option(1000, "Optimizer steps.", low=1, high=10**10)
    batch_size: int = option(32, "Clips in a batch.", low=1)
    accumulation: int = option(1, "Batches per optimizer step.", low=1)
    steps_per_execution: int = option(
        1,
        "Batches that the device trains on without Python in between: on JAX "
        "and TensorFlow as one program. Lines of the log, checkpoints and "
        "freezes must fall on their ends.",
        low=1,
    )
    learning_rate: float = option(
        rule=_learning_rate, above=0, help="Highest learning rate of AdamW."
    )
    warmup_steps: int = option(
        rule=warmup_steps,
        low=0,
        help="Steps over which the learning rate rises at the start.",
    )
    weight_decay: float = option(0.05, "Of AdamW.", low=0)
    gradient_clip: float = option(
        rule=_gradient_clip,
        low=0,
        help="Largest norm of the gradient; 0 turns clipping off.",
    )
    momentum: tuple | None = option(
        rule=_momentum,
        argument_of="objective",
        replaced_by="teacher",
        help="vjepa: share of its weights that the moving average keeps, or "
        "first and last share of a run.",
    )
    seed: int = option(
        0, "Seed of weights, clips and masks.", low=0, high=2**32 - 1
    )

    @property
    def border(self) -> int:
        """Smallest number of optimizer steps that fills executions."""
        return self.steps_per_execution // math.gcd(
            self.steps_per_execution, self.accumulation
        )

    def check_together(self, config):
        if self.momentum is None:
            return
        try:
            numbers = [float(share) for share in self.momentum]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2):
            raise OptionError(
                "`momentum` is one number between 0 and 1, or the first and "
                "the last of the run, such as 0.998,1. Received: "
                f"{','.join(map(str, self.momentum))}."
            )
