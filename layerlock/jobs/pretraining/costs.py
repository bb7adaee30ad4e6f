"""What a run will cost, stage by stage, before anything is built."""

import dataclasses
import math

from layerlock.config import OptionError, PretrainConfig, facts
from layerlock.core.costs.flops import StepSizes
from layerlock.core.costs.memory import StepMemory
from layerlock.core.costs.sizes import (
    BlockSizes,
    ProjectorSizes,
    masks_of,
    penalty_of,
)
from layerlock.core.pretraining import targets
from layerlock.jobs.pretraining import predictors
from layerlock.jobs.pretraining.method import Method
from layerlock.models import remat as remat_policies
from layerlock.models.patches import CHANNELS, patch_grid
from layerlock.models.presets import predictor_sizes, projector_sizes
from layerlock.runs import wording

UNKNOWN = (
    "Costs are not known: this schedule decides while it trains when layers "
    "freeze. An earlier run wrote its events to schedule.json."
)


@dataclasses.dataclass(frozen=True)
class Stage:
    """The steps between two freezes.

    Args:
        first_step: int.
        last_step: int, the first one of the next stage, or the run's end.
        frozen_layers: int.
        target_layers: tuple of ints, 0 being the pixels.
        step_flops: int, of one optimizer step.
        teacher_flops: int, the part of a fixed teacher.
        memory: `StepMemory`.
    """

    first_step: int
    last_step: int
    frozen_layers: int
    target_layers: tuple
    step_flops: int
    teacher_flops: int
    memory: StepMemory

    @property
    def flops(self) -> int:
        """FLOPs of all its steps."""
        return (self.last_step - self.first_step) * self.step_flops


@dataclasses.dataclass(frozen=True)
class Costs:
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

    @property
    def peak_memory(self) -> int:
        """Peak memory of the run, in bytes."""
        return max(stage.memory.peak for stage in self.stages)

    @property
    def teacher_share(self) -> float:
        """Share of the FLOPs of the run that a fixed teacher takes."""
        taken = sum(
            (stage.last_step - stage.first_step) * stage.teacher_flops
            for stage in self.stages
        )
        return taken / self.flops


def count(
    config: PretrainConfig, method: Method, remat: str | None = None
) -> Costs:
    """Counts what a run costs; nothing is allocated.

    Args:
        config: resolved.
        method: its `Method`.
        remat: str, a policy instead of the configuration's. Defaults to
            `None`.
    """
    if method.schedule.is_adaptive:
        raise OptionError(
            f"`schedule={config.freezing.schedule}` decides while it trains "
            "when layers freeze, so that nothing can be planned. Pass the "
            "`schedule=piecewise` that an earlier run wrote."
        )
    sizes, steps = step_sizes(config, method), config.training.steps
    if remat is not None:
        sizes = dataclasses.replace(
            sizes, **_policies(remat, sizes.encoder, sizes.predictor)
        )

    def stage(first_step, last_step, frozen_layers):
        predicted = targets.target_layers(
            method.objective, frozen_layers, sizes.deepest_target
        )
        frozen_layers = frozen_layers or 0
        return Stage(
            first_step,
            last_step,
            frozen_layers,
            predicted,
            config.training.accumulation
            * sizes.step_flops(frozen_layers, predicted),
            config.training.accumulation
            * sizes.teacher_flops(predicted, frozen_layers),
            StepMemory.of(
                sizes, frozen_layers, predicted, **memory_arguments(config)
            ),
        )

    events = [(0, 0), *method.schedule.events(steps - 1), (steps, None)]
    stages = [
        stage(first, last, frozen)
        for (first, frozen), (last, _) in zip(events, events[1:], strict=False)
    ]
    return Costs(stages, stage(0, steps, None), sizes)


def memory_arguments(config: PretrainConfig) -> dict:
    """The arguments of `StepMemory.of` that no size of the model decides.

    Args:
        config: resolved.
    """
    precision = config.encoder.mixed_precision
    return {
        # AdamW's, and the sum of accumulated gradients.
        "num_slots": 3 if config.training.accumulation > 1 else 2,
        "bytes_per_number": 4 if precision == "none" else 2,
        "float8": precision == "float8",
    }


def step_sizes(config: PretrainConfig, method: Method) -> StepSizes:
    """The sizes of the model, without building it.

    Args:
        config: resolved.
        method: its `Method`.
    """
    arguments = facts.encoder_arguments(config)
    objective, num_layers = method.objective, arguments["num_layers"]
    width, patch_size = arguments["hidden_dim"], arguments["patch_size"]
    grid = patch_grid(arguments["clip_shape"], patch_size)
    counts = method.mask.counts(grid)
    num_decoder_layers = arguments["num_decoder_layers"]
    predictor = projector = None
    if objective.predictor == "projector":
        projector = ProjectorSizes(width, **projector_sizes(width))
    if objective.predictor == "transformer":
        found = predictors.find(config, objective, method.mask)
        sizes = found.arguments if found else predictor_sizes(width, num_layers)
        inner = sizes["predictor_dim"]
        predictor = BlockSizes(
            sizes["num_layers"],
            inner,
            sizes.get("mlp_dim") or 4 * inner,
            sizes["num_heads"],
        )
    encoder = BlockSizes(
        num_layers, width, arguments["mlp_dim"], arguments["num_heads"]
    )
    return StepSizes(
        encoder=encoder,
        num_decoder_layers=num_decoder_layers,
        patch_dim=CHANNELS * math.prod(patch_size),
        num_tokens=math.prod(grid),
        masks=masks_of(counts, config.method.target_fraction, projector),
        predictor=predictor,
        batch_size=config.training.batch_size,
        masks_per_clip=config.method.masks_per_clip,
        target_gradient=objective.target_gradient,
        num_latent_heads=objective.max_latent_targets(
            num_layers - num_decoder_layers
        ),
        predicts_visible=objective.predicts_visible,
        has_teacher=objective.teacher == "ema",
        target_context=config.method.target_context,
        fixed_teacher=_fixed_teacher(config),
        projector=projector,
        penalty_flops=penalty_of(
            objective,
            projector,
            config.training.batch_size,
            config.method.masks_per_clip * len(counts),
        ),
        **_policies(config.encoder.remat, encoder, predictor),
    )


def _policies(remat, encoder, predictor) -> dict:
    """The arguments of `StepSizes` for a policy of rematerialisation."""
    layers = predictor.num_layers if predictor else 0
    return {
        "remat": remat_policies.of_blocks(remat, encoder.num_layers),
        "predictor_remat": remat_policies.of_blocks(remat, layers),
    }


def _fixed_teacher(config) -> BlockSizes | None:
    sizes = facts.teacher_sizes(config)
    if sizes is None:
        return None
    return BlockSizes(*(sizes[f.name] for f in dataclasses.fields(BlockSizes)))


def heading(config: PretrainConfig, costs: Costs) -> str:
    """What is counted, in a line.

    Args:
        config: resolved.
        costs: of the run.
    """
    size = config.data.size
    sizes = costs.sizes
    hidden = [
        f"{mask[0]} of {sizes.num_tokens} patches visible"
        + (f", {sizes.num_predicted(*mask)} scored" if mask[1] else "")
        for mask in sizes.masks
    ]
    return (
        f"{config.encoder.name}, {config.training.batch_size} clips of "
        f"{config.data.frames}x{size}x{size} a batch, {'; '.join(hidden)}"
    )


def table(costs: Costs) -> str:
    """The stages in lines of text, and what all of it costs."""
    heads = ("from step", "frozen", "target", "FLOPs a step", "", "peak memory")
    rows = [heads]
    for stage in costs.stages:
        change = stage.step_flops / costs.unfrozen.step_flops - 1
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
    change = costs.flops / costs.unfrozen.flops - 1
    share = costs.teacher_share
    taught = [f"The teacher takes {share:.0%} of them."] if share else []
    return "\n".join(
        [
            *wording.columns(rows),
            f"{wording.scaled(costs.flops, 'FLOPs')} in all, {change:+.1%} of "
            f"the {wording.scaled(costs.unfrozen.flops, 'FLOPs')} of a run "
            "that never freezes.",
            *taught,
            "Matrix products are counted. Memory is an estimate: weights, "
            "gradients, optimizer slots and activations, and in mixed "
            "precision copies of the trained weights.",
        ]
    )


def as_json(costs: Costs) -> dict:
    """The same for programs: lists with a value per stage."""
    return {
        "name": "pretrain plan",
        "ratio": costs.flops / costs.unfrozen.flops,
        "low": costs.flops / costs.unfrozen.flops,
        "high": costs.flops / costs.unfrozen.flops,
        "first_step": [stage.first_step for stage in costs.stages],
        "frozen_layers": [stage.frozen_layers for stage in costs.stages],
        "flops": [stage.flops for stage in costs.stages],
        "flops_unfrozen": [
            (stage.last_step - stage.first_step) * costs.unfrozen.step_flops
            for stage in costs.stages
        ],
        "flops_teacher": costs.teacher_share * costs.flops,
        "peak_memory_bytes": [stage.memory.peak for stage in costs.stages],
    }
