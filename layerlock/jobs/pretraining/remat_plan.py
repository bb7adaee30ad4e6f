"""What a run costs with each policy of rematerialisation."""

from layerlock.config import PretrainConfig
from layerlock.config.encoder import REMAT
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.jobs.pretraining import costs, planning
from layerlock.jobs.pretraining.method import Method
from layerlock.runs import wording


def add(config: PretrainConfig, method: Method, words: list, found: dict):
    """Adds the policies to the plan of a run, and which of them to take.

    Args:
        config: resolved.
        method: its `Method`.
        words: list of lines of text.
        found: dict for programs.
    """
    counted = _by_policy(config, method)
    words += ["", *lines(counted)]
    found["remat"] = {
        policy: {
            "flops": one.flops,
            "peak_memory_bytes": one.peak_memory,
            "fits": fitting(one.peak_memory),
        }
        for policy, one in counted.items()
    }
    add_choice(config, method, words, found)


def add_choice(
    config: PretrainConfig, method: Method, words: list, found: dict
):
    """Adds the policy to take for `memory_gigabytes`, if it is set.

    Args:
        config: resolved.
        method: its `Method`.
        words: list of lines of text.
        found: dict for programs.
    """
    if config.devices.memory_gigabytes is None:
        return
    memory = config.devices.memory_gigabytes * 1e9
    where = f"{config.devices.memory_gigabytes:g} GB"
    if config.devices.devices is not None:
        where += f" on each of {config.devices.devices} devices"
    counted = _by_policy(config, method)
    peaks = {
        policy: planning.peak_memory(config, one)
        for policy, one in counted.items()
    }
    fits = [policy for policy, peak in peaks.items() if peak <= memory]
    if fits:
        chosen = min(fits, key=lambda policy: counted[policy].flops)
        change = counted[chosen].flops / counted["none"].flops - 1
        words.append(
            f"Of the policies that fit in {where}, remat={chosen} needs the "
            f"fewest FLOPs: {change:+.1%}, with a peak of "
            f"{wording.scaled(peaks[chosen], 'B')}."
        )
        found["remat_choice"] = {"policy": chosen}
        return
    least = min(peaks, key=peaks.get)
    batch = planning.largest_batch(config, counted[least], memory)
    words.append(
        f"No policy of remat fits in {where}: remat={least} needs the least, "
        f"{wording.scaled(peaks[least], 'B')}. {_advice(batch)}"
    )
    found["remat_choice"] = {"policy": None, "largest_batch": batch}


def _by_policy(config, method) -> dict:
    """The `Costs` of a run with each policy."""
    return {
        policy: costs.count(config, method, remat=policy) for policy in REMAT
    }


def _advice(batch: int) -> str:
    """What to lower, if no policy fits."""
    if batch:
        return (
            f"Lower batch_size to {batch} or less and raise accumulation, or "
            "lower frames or size."
        )
    return (
        "No batch_size fits: lower frames or size, take a smaller preset, or "
        "split the weights over devices with distribution=fsdp."
    )


def fitting(peak: int) -> list[str]:
    """Names of the accelerators of which one has so much memory."""
    return [one.name for one in ACCELERATORS.values() if peak <= one.memory]


def lines(counted: dict) -> list[str]:
    """The policies in lines of text.

    Args:
        counted: dict from policy to the `Costs` of the run.
    """
    rows = [("remat", "peak memory", "FLOPs", "fits on one")]
    for policy, one in counted.items():
        change = one.flops / counted["none"].flops - 1
        rows.append(
            (
                policy,
                wording.memory(one.peak_memory),
                f"{change:+.1%}",
                ", ".join(fitting(one.peak_memory)) or "none of these",
            )
        )
    names = ", ".join(
        f"{one.name} {wording.memory(one.memory)}"
        for one in ACCELERATORS.values()
    )
    return [
        "Activations that the backward pass computes again save memory:",
        *wording.columns(rows),
        f"Accelerators: {names}. A part of it is not for tensors.",
    ]
