"""A plan for many devices in words, and for programs."""

from layerlock.backends import mesh
from layerlock.config import PretrainConfig
from layerlock.core.costs import accelerators
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.jobs.pretraining import planning
from layerlock.jobs.pretraining.costs import Costs
from layerlock.jobs.pretraining.planning import DevicePlan
from layerlock.runs import wording

BY_SIZES = (
    "Counted from sizes alone: weights, slots, and as scratch gradients, "
    "activations and copies of weights in mixed precision; and the collectives "
    "that they need. KERAS_BACKEND=jax compiles the exact programs."
)
BY_COMPILER = (
    "Compiled by JAX for as many CPU devices, and not run. Collectives are "
    "those that XLA's partitioner writes; an all-reduce of which a device "
    "uses its slice is a reduce-scatter. Scratch is activations, gathered "
    "weights and gradients: more than on an accelerator, as XLA neither fuses "
    "attention nor recomputes blocks on a CPU."
)


def add(config: PretrainConfig, costs: Costs, words: list, found: dict):
    """Adds the plan for `devices` to that of a run, if they are set.

    Args:
        config: resolved.
        costs: of the run.
        words: list of lines of text.
        found: dict for programs.
    """
    if config.devices.devices is None:
        return
    planned = planning.plan(config, costs)
    words += ["", *lines(config, planned)]
    found["on_devices"] = as_json(planned)


def compilation(chosen: bool | None, used: bool | str) -> str:
    """What the option `jit_compile` is, in a sentence.

    Args:
        chosen: the option, or `None`.
        used: bool or `"auto"`, what follows from it.

    Example:

    >>> compilation(None, False)
    'jit_compile: false, the default on this machine.'
    """
    text = "as Keras chooses" if used == "auto" else str(used).lower()
    default = ", the default on this machine" if chosen is None else ""
    return f"jit_compile: {text}{default}."


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
        *_copies(spread, planned),
        f"Time, at {accelerators.ARITHMETIC_SHARE:.0%} of the peak arithmetic "
        f"and {accelerators.BANDWIDTH_SHARE:.0%} of the peak bandwidth that "
        "makers publish. The first number is for collectives that overlap with "
        "arithmetic, the second for collectives that do not.",
        *_time_table(config, planned),
    ]


def _copies(spread, planned) -> list[str]:
    """A sentence if devices hold much more than their share of the weights."""
    if spread.distribution != "fsdp" or planned.state_ratio < 2:
        return []
    return [
        f"A device holds {planned.state_ratio:.0f} times its share of weights "
        f"and slots: no dimension of some of them can be split in "
        f"{spread.devices}, and they are copied. A `mesh` of two axes may "
        f"split them, such as {spread.devices // 2},2."
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
    for accelerator in ACCELERATORS.values():
        seconds = [
            accelerator.step_seconds(
                one.flops, one.all_sent, planned.num_devices
            )
            for one in planned.stages
        ]
        days = [
            planned.device_days(accelerator, unfrozen)
            for unfrozen in (False, True)
        ]
        rows.append(
            (
                accelerator.name,
                *(f"{max(one):.3g} to {sum(one):.3g} s" for one in seconds),
                *(f"{_days(low)} to {_days(high)}" for low, high in days),
            )
        )
    return wording.columns(rows)


def _days(days) -> str:
    return f"{days:,.0f}" if days >= 100 else f"{days:.3g}"


def as_json(planned: DevicePlan) -> dict:
    """The same for programs."""
    return {
        "devices": planned.num_devices,
        "is_compiled": planned.is_compiled,
        "state_ratio": planned.state_ratio,
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
                key: planned.device_days(accelerator, unfrozen)
                for key, unfrozen in (("run", False), ("unfrozen", True))
            }
            for name, accelerator in ACCELERATORS.items()
        },
    }
