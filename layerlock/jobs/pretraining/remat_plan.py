"""What a run costs with each policy of rematerialisation."""

from layerlock.config import PretrainConfig
from layerlock.config.encoder import REMAT
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.jobs.pretraining import costs
from layerlock.jobs.pretraining.method import Method
from layerlock.runs import wording


def add(config: PretrainConfig, method: Method, words: list, found: dict):
    """Adds the policies to the plan of a run.

    Args:
        config: resolved.
        method: its `Method`.
        words: list of lines of text.
        found: dict for programs.
    """
    counted = {
        policy: costs.count(config, method, remat=policy) for policy in REMAT
    }
    words += ["", *lines(counted)]
    found["remat"] = {
        policy: {
            "flops": one.flops,
            "peak_memory_bytes": one.peak_memory,
            "fits": fitting(one.peak_memory),
        }
        for policy, one in counted.items()
    }


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
