"""What a run costs on many devices, which need not exist."""

import dataclasses

from layerlock import backends
from layerlock.backends import mesh
from layerlock.config import PretrainConfig
from layerlock.core.costs import memory
from layerlock.core.costs.distribution import DeviceCost
from layerlock.core.costs.memory import FLOAT32, StepMemory
from layerlock.jobs.pretraining import compiling
from layerlock.jobs.pretraining.costs import Costs, Stage, memory_arguments

_DAY = 86_400  # seconds


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
        num_slots: int, optimizer slots of a trained weight, with the sum of
            accumulated gradients. Defaults to `2`.
        unfrozen_ratio: float, bytes sent in a step of a run without freezes,
            whose targets may be others, over those of the first stage.
            Defaults to `1`.
    """

    num_devices: int
    stages: list
    costs: Costs
    is_compiled: bool
    num_slots: int = 2
    unfrozen_ratio: float = 1.0

    @property
    def state_ratio(self) -> float:
        """Weights and slots of a device, over its share of those of all.

        A fixed teacher of which every device has all is left out.
        """
        first = self.stages[0]
        sizes, targets = self.costs.sizes, first.stage.target_layers
        trained = memory.num_trained(sizes, target_layers=targets)
        slots = self.num_slots * trained
        whole = FLOAT32 * (memory.num_weights(sizes) + slots)
        held = first.weight_bytes + first.slot_bytes
        if not self.is_compiled and backends.joins_frozen():
            taught = FLOAT32 * memory.num_fixed(sizes)
            whole, held = whole - taught, held - taught
        return held * self.num_devices / whole

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

    def device_days(self, accelerator, unfrozen: bool = False) -> tuple:
        """Device-days of the run: if collectives overlap, and if not.

        Args:
            accelerator: an `Accelerator`.
            unfrozen: bool, of the same run without a freeze. Defaults to
                `False`.
        """
        stages = [self.costs.unfrozen] if unfrozen else self.costs.stages
        ratio = self.unfrozen_ratio if unfrozen else 1
        overlapping = waiting = 0.0
        for stage in stages:
            seconds = accelerator.step_seconds(
                stage.step_flops / self.num_devices,
                ratio * self.bytes_sent(stage.frozen_layers),
                self.num_devices,
            )
            steps = stage.last_step - stage.first_step
            overlapping += steps * max(seconds)
            waiting += steps * sum(seconds)
        days = self.num_devices / _DAY
        return overlapping * days, waiting * days


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
    else:
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
    unfrozen, first = (
        _cost(config, costs, stage).bytes_sent
        for stage in (costs.unfrozen, costs.stages[0])
    )
    return DevicePlan(
        devices,
        stages,
        costs,
        is_compiled=steps is not None,
        num_slots=memory_arguments(config)["num_slots"],
        unfrozen_ratio=unfrozen / first if first else 1.0,
    )


def peak_memory(config: PretrainConfig, costs: Costs) -> int:
    """Peak memory of one device of `devices`, or of a single one.

    Counted from sizes, in bytes.

    Args:
        config: resolved.
        costs: of the run.
    """
    return max(one.peak for one in _memory(config, costs))


def largest_batch(config: PretrainConfig, costs: Costs, memory: float) -> int:
    """The largest `batch_size` that fits; 0 if none does.

    Args:
        config: resolved.
        costs: of the run.
        memory: float, bytes of one device.
    """
    clips = config.training.batch_size
    found = min(
        int((memory - (one.peak - one.activations)) * clips / one.activations)
        for one in _memory(config, costs)
    )
    parts = _mesh(config)[0]  # each gets as many clips
    return max(found, 0) // parts * parts


def _memory(config, costs) -> list[StepMemory]:
    """What a device holds in each stage."""
    if config.devices.devices is None:
        return [stage.memory for stage in costs.stages]
    return [_cost(config, costs, stage).memory for stage in costs.stages]


def _mesh(config) -> tuple:
    spread = config.devices
    if spread.devices is None:
        return (1, 1)
    return mesh.sizes(spread.distribution, spread.mesh, spread.devices)


def _cost(config, costs, stage) -> DeviceCost:
    return DeviceCost.of(
        costs.sizes,
        _mesh(config),
        config.devices.distribution == "fsdp",
        stage.frozen_layers,
        stage.target_layers,
        **memory_arguments(config),
        joins_frozen=backends.joins_frozen(),
    )


def _by_kind(step, accumulation):
    kinds = dict.fromkeys(one.kind for one in step.collectives)
    return {kind: accumulation * step.bytes_sent(kind) for kind in kinds}


def _counted(config, costs, stage) -> DeviceStage:
    cost = _cost(config, costs, stage)
    held = cost.memory
    times = config.training.accumulation
    if backends.sends_sums(config.devices.distribution, config.encoder.dtype):
        times = 1
    return DeviceStage(
        stage,
        held.weights,
        held.slots,
        held.gradients + held.activations + held.copies,
        {"all": times * cost.bytes_sent},
        stage.step_flops / config.devices.devices,
    )
