"""What a run costs on many devices, which need not exist."""

import dataclasses

from layerlock.backends import mesh
from layerlock.config import PretrainConfig
from layerlock.core.costs import accelerators
from layerlock.core.costs.distribution import DeviceCost
from layerlock.jobs.pretraining import compiling
from layerlock.jobs.pretraining.costs import Costs, Stage
from layerlock.runs import wording

_DAY = 86_400  # seconds
BY_SIZES = (
    "Counted from sizes alone: weights, gradients, slots and activations, and "
    "the collectives that they need. KERAS_BACKEND=jax compiles the exact "
    "programs."
)
BY_COMPILER = (
    "Compiled by JAX for as many CPU devices, and not run. Collectives are "
    "those that XLA's partitioner writes; an all-reduce of which a device "
    "uses its slice is a reduce-scatter. Scratch is activations, gathered "
    "weights and gradients: more than on an accelerator, as XLA neither fuses "
    "attention nor recomputes blocks on a CPU."
)


@dataclasses.dataclass(frozen=True)
class DeviceStage:
    """What one device does in a stage.

    Args:
        stage: the `Stage` of the run.
        weight_bytes, slot_bytes, scratch_bytes: int, that it holds.
        bytes_sent: dict by kind of collective: int, in an optimizer step.
        flops: float, matrix products of an optimizer step.
    """

    stage: Stage
    weight_bytes: int
    slot_bytes: int
    scratch_bytes: int
    bytes_sent: dict
    flops: float

    @property
    def peak_bytes(self) -> int:
        """All that it holds, but for the clips."""
        return self.weight_bytes + self.slot_bytes + self.scratch_bytes

    @property
    def all_sent(self) -> int:
        """Bytes that it sends in an optimizer step."""
        return sum(self.bytes_sent.values())


@dataclasses.dataclass(frozen=True)
class DevicePlan:
    """The stages of a run that are planned for devices.

    Args:
        num_devices: int.
        stages: list of `DeviceStage`: nothing frozen, one freeze, the last
            stage.
        costs: the `Costs` of the run.
        is_compiled: bool, or counted from sizes.
        compile_seconds: float, of CPU time.
    """

    num_devices: int
    stages: list
    costs: Costs
    is_compiled: bool
    compile_seconds: float = 0.0

    def bytes_sent(self, frozen_layers: int) -> float:
        """Bytes that a device sends in a step of any stage.

        Blocks are alike, so that between two latent stages it is a line.
        """
        first, *later = self.stages
        if frozen_layers == 0:
            return first.all_sent
        low, high = later[0], later[-1]
        span = high.stage.frozen_layers - low.stage.frozen_layers
        passed = frozen_layers - low.stage.frozen_layers
        share = passed / span if span else 0
        return low.all_sent + share * (high.all_sent - low.all_sent)

    def run_seconds(self, accelerator, unfrozen: bool = False) -> tuple:
        """Seconds of the whole run: if collectives overlap, and if not.

        Args:
            accelerator: an `Accelerator`.
            unfrozen: bool, of the same run without a freeze. Defaults to
                `False`.
        """
        stages = [self.costs.unfrozen] if unfrozen else self.costs.stages
        overlapping = waiting = 0.0
        for stage in stages:
            seconds = accelerator.step_seconds(
                stage.step_flops / self.num_devices,
                self.bytes_sent(stage.frozen_layers),
                self.num_devices,
            )
            steps = stage.last_step - stage.first_step
            overlapping += steps * max(seconds)
            waiting += steps * sum(seconds)
        return overlapping, waiting


def plan(config: PretrainConfig, costs: Costs) -> DevicePlan:
    """Compiles, or counts, three stages of a run for its `devices`.

    Args:
        config: resolved.
        costs: of the run.
    """
    frozen = [stage.frozen_layers for stage in costs.stages]
    chosen = [
        costs.stages[index]
        for index in sorted({0, min(1, len(frozen) - 1), len(frozen) - 1})
    ]
    devices = config.devices.devices
    steps = compiling.compile_steps(
        config, [stage.frozen_layers for stage in chosen]
    )
    if steps is None:
        stages = [_counted(config, costs, stage) for stage in chosen]
        return DevicePlan(devices, stages, costs, is_compiled=False)
    stages = [
        DeviceStage(
            stage,
            step.weight_bytes,
            step.slot_bytes,
            step.scratch_bytes,
            _by_kind(step, config.training.accumulation),
            stage.step_flops / devices,
        )
        for stage, step in zip(chosen, steps, strict=True)
    ]
    seconds = sum(step.compile_seconds for step in steps)
    return DevicePlan(devices, stages, costs, True, seconds)


def _by_kind(step, accumulation):
    kinds = dict.fromkeys(one.kind for one in step.collectives)
    return {kind: accumulation * step.bytes_sent(kind) for kind in kinds}


def _counted(config, costs, stage) -> DeviceStage:
    spread = config.devices
    data, _ = mesh.sizes(spread.distribution, spread.mesh, spread.devices)
    cost = DeviceCost.of(
        costs.sizes,
        data,
        spread.distribution == "fsdp",
        stage.frozen_layers,
        stage.target_layers,
        4 if config.encoder.mixed_precision == "none" else 2,
    )
    held = cost.memory
    return DeviceStage(
        stage,
        held.weights,
        held.slots,
        held.gradients + held.activations,
        {"all": config.training.accumulation * cost.bytes_sent},
        stage.step_flops / spread.devices,
    )


def lines(config: PretrainConfig, planned: DevicePlan) -> list[str]:
    """The plan in lines of text.

    Args:
        config: resolved.
        planned: its `DevicePlan`.
    """
    spread = config.devices
    shape = mesh.sizes(spread.distribution, spread.mesh, spread.devices)
    return [
        f"{spread.devices} devices, distribution={spread.distribution}, "
        f"{config.training.batch_size // shape[0]} clips of a batch on each. "
        f"{BY_COMPILER if planned.is_compiled else BY_SIZES}",
        *_memory_table(planned),
        f"Time, at {accelerators.ARITHMETIC_SHARE:.0%} of the peak arithmetic "
        f"and {accelerators.BANDWIDTH_SHARE:.0%} of the peak bandwidth that "
        "makers publish. The first number is for collectives that overlap with "
        "arithmetic, the second for collectives that do not.",
        *_time_table(config, planned),
    ]


def _memory_table(planned):
    heads = ("frozen", "target", "weights", "slots", "scratch", "peak")
    rows = [(*heads, "FLOPs a step", "sent a step", "of which")]
    for one in planned.stages:
        kinds = ", ".join(
            f"{kind} {wording.scaled(size, 'B')}"
            for kind, size in one.bytes_sent.items()
            if size >= one.all_sent / 100
        )
        rows.append(
            (
                str(one.stage.frozen_layers),
                wording.target(one.stage.target_layers),
                wording.memory(one.weight_bytes),
                wording.memory(one.slot_bytes),
                wording.memory(one.scratch_bytes),
                wording.memory(one.peak_bytes),
                wording.scaled(one.flops, "FLOPs"),
                wording.scaled(one.all_sent, "B"),
                kinds if planned.is_compiled else "",
            )
        )
    return wording.columns(rows)


def _time_table(config, planned):
    steps = f"{wording.count(config.training.steps)} steps, device-days"
    rows = [
        (
            "",
            *(f"{one.stage.frozen_layers} frozen" for one in planned.stages),
            steps,
            "without freezes",
        )
    ]
    for accelerator in accelerators.ACCELERATORS.values():
        seconds = [
            accelerator.step_seconds(
                one.flops, one.all_sent, planned.num_devices
            )
            for one in planned.stages
        ]
        days = [
            [
                planned.num_devices * total / _DAY
                for total in planned.run_seconds(accelerator, unfrozen)
            ]
            for unfrozen in (False, True)
        ]
        rows.append(
            (
                accelerator.name,
                *(f"{max(one):.3g} to {sum(one):.3g} s" for one in seconds),
                *(f"{low:,.3g} to {high:,.3g}" for low, high in days),
            )
        )
    return wording.columns(rows)


def as_json(planned: DevicePlan) -> dict:
    """The same for programs."""
    return {
        "devices": planned.num_devices,
        "is_compiled": planned.is_compiled,
        "compile_seconds": planned.compile_seconds,
        "stages": [
            {
                "frozen_layers": one.stage.frozen_layers,
                "weight_bytes": one.weight_bytes,
                "slot_bytes": one.slot_bytes,
                "scratch_bytes": one.scratch_bytes,
                "peak_bytes": one.peak_bytes,
                "flops": one.flops,
                "bytes_sent": one.bytes_sent,
            }
            for one in planned.stages
        ],
        "device_days": {
            name: {
                key: [
                    planned.num_devices * total / _DAY
                    for total in planned.run_seconds(accelerator, unfrozen)
                ]
                for key, unfrozen in (("run", False), ("unfrozen", True))
            }
            for name, accelerator in accelerators.ACCELERATORS.items()
        },
    }
