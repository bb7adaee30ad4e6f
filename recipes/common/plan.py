"""What a run will cost, stage by stage, before anything is built."""

import dataclasses
import math

from common import network, options

from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.core.costs.memory import StepMemory
from layerlock.core.pretraining import targets
from layerlock.models.patches import CHANNELS, patch_grid
from layerlock.models.predictor import predictor_sizes
from layerlock.runs import wording


@dataclasses.dataclass(frozen=True)
class Stage:
    """The steps between two freezes.

    Args:
        first_step: int.
        last_step: int, the first one of the next stage, or the run's end.
        frozen_layers: int.
        target_layers: tuple of ints, 0 being the pixels.
        step_flops: int, of one optimizer step.
        memory: `StepMemory`.
    """

    first_step: int
    last_step: int
    frozen_layers: int
    target_layers: tuple
    step_flops: int
    memory: StepMemory

    @property
    def flops(self) -> int:
        """FLOPs of all its steps."""
        return (self.last_step - self.first_step) * self.step_flops


@dataclasses.dataclass(frozen=True)
class Plan:
    """The stages of a run, beside the same run with nothing ever frozen.

    Args:
        stages: list of `Stage`.
        unfrozen: `Stage`, the whole run without a freeze.
        sizes: `StepSizes`.
    """

    stages: list
    unfrozen: Stage
    sizes: StepSizes

    @property
    def flops(self) -> int:
        """FLOPs of the run."""
        return sum(stage.flops for stage in self.stages)


def plan(chosen, method) -> Plan:
    """Counts what the flags ask for; nothing is allocated.

    Args:
        chosen: dict, every flag with its value; see `settings.resolve`.
        method: `methods.Method`.
    """
    if method.schedule.is_adaptive:
        raise options.UsageError(
            f"--schedule={chosen['schedule']} decides while it trains when "
            "layers freeze, so that nothing can be planned. Pass the "
            "--schedule=piecewise that an earlier run wrote."
        )
    sizes, steps = step_sizes(chosen, method), chosen["steps"]

    def stage(first_step, last_step, frozen_layers):
        predicted = targets.target_layers(
            method.objective, frozen_layers, sizes.num_encoding
        )
        frozen_layers = frozen_layers or 0
        return Stage(
            first_step,
            last_step,
            frozen_layers,
            predicted,
            chosen["accumulation"] * sizes.step_flops(frozen_layers, predicted),
            StepMemory.of(
                sizes,
                frozen_layers,
                predicted,
                bytes_per_number=(
                    4 if chosen["mixed_precision"] == "none" else 2
                ),
            ),
        )

    events = [(0, 0), *method.schedule.events(steps - 1), (steps, None)]
    stages = [
        stage(first, last, frozen)
        for (first, frozen), (last, _) in zip(events, events[1:], strict=False)
    ]
    return Plan(stages, stage(0, steps, None), sizes)


def step_sizes(chosen, method) -> StepSizes:
    """The sizes of the model that the flags ask for, without building it.

    Args:
        chosen: dict, every flag with its value.
        method: `methods.Method`.
    """
    arguments = network.encoder_arguments(chosen)
    objective, num_layers = method.objective, arguments["num_layers"]
    width, patch_size = arguments["hidden_dim"], arguments["patch_size"]
    grid = patch_grid(arguments["clip_shape"], patch_size)
    predictor, num_decoder_layers = None, arguments["num_decoder_layers"]
    if objective.predictor == "transformer":
        sizes = predictor_sizes(width, num_layers)
        inner = sizes["predictor_dim"]
        predictor = BlockSizes(
            sizes["num_layers"], inner, 4 * inner, sizes["num_heads"]
        )
    return StepSizes(
        encoder=BlockSizes(
            num_layers, width, arguments["mlp_dim"], arguments["num_heads"]
        ),
        num_decoder_layers=num_decoder_layers,
        patch_dim=CHANNELS * math.prod(patch_size),
        num_tokens=math.prod(grid),
        masks=tuple(
            (visible, targets.num_scored(hidden, chosen["target_fraction"]))
            for visible, hidden in method.mask.counts(grid)
        ),
        predictor=predictor,
        batch_size=chosen["batch_size"],
        masks_per_clip=chosen["masks_per_clip"],
        remat=chosen["remat"],
        target_gradient=objective.target_gradient,
        num_latent_heads=objective.max_latent_targets(
            num_layers - num_decoder_layers
        ),
        has_teacher=objective.teacher == "ema",
        target_context=chosen["target_context"],
    )


def heading(chosen, found: Plan) -> str:
    """What is counted, in a line.

    Args:
        chosen: dict, every flag with its value.
        found: the `Plan`.
    """
    size = chosen["size"]
    hidden = [
        f"{visible} of {found.sizes.num_tokens} patches visible, "
        f"{scored} scored"
        for visible, scored in found.sizes.masks
    ]
    return (
        f"{network.encoder_name(chosen)}, {chosen['batch_size']} clips of "
        f"{chosen['frames']}x{size}x{size} a batch, {'; '.join(hidden)}"
    )


def table(found: Plan) -> str:
    """The stages in lines of text, and what all of it costs."""
    heads = ("from step", "frozen", "target", "FLOPs a step", "", "peak memory")
    rows = [heads]
    for stage in found.stages:
        change = stage.step_flops / found.unfrozen.step_flops - 1
        rows.append(
            (
                wording.count(stage.first_step),
                str(stage.frozen_layers),
                wording.target(stage.target_layers),
                wording.scaled(stage.step_flops, "FLOPs"),
                f"{change:+.1%}",
                wording.memory(stage.memory.peak),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)).rstrip() for row in rows]
    change = found.flops / found.unfrozen.flops - 1
    return "\n".join(
        [
            *lines,
            f"{wording.scaled(found.flops, 'FLOPs')} in all, {change:+.1%} of "
            f"the {wording.scaled(found.unfrozen.flops, 'FLOPs')} of a run "
            "that never freezes.",
            "Matrix products are counted. Memory is an estimate: weights, "
            "gradients, two optimizer slots and activations.",
        ]
    )


def as_json(found: Plan) -> dict:
    """The same for programs: lists with a value per stage."""
    return {
        "name": "savings plan",
        "ratio": found.flops / found.unfrozen.flops,
        "low": found.flops / found.unfrozen.flops,
        "high": found.flops / found.unfrozen.flops,
        "first_step": [stage.first_step for stage in found.stages],
        "frozen_layers": [stage.frozen_layers for stage in found.stages],
        "flops": [stage.flops for stage in found.stages],
        "flops_unfrozen": [
            (stage.last_step - stage.first_step) * found.unfrozen.step_flops
            for stage in found.stages
        ],
        "peak_memory_bytes": [stage.memory.peak for stage in found.stages],
    }
