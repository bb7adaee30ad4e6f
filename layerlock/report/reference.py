"""Curves of other seeds of the same configuration, drawn behind a run's."""

import dataclasses
import importlib.resources

import numpy as np

from layerlock import json_files
from layerlock.runs import writing

COLUMNS = (
    "loss",
    "validation_loss",
    "held_out_prediction",
    "probe_top1",
    "effective_rank",
    "feature_std",
    "target_std",
    "raw_feature_std",
    "grad_norm",
)
MAX_POINTS = 100
ENDS = ("low", "high")


@dataclasses.dataclass(frozen=True)
class Band:
    """The lowest and the highest value of several seeds, over steps.

    Attributes:
        steps: array `(points,)`.
        low: array `(points,)`.
        high: array `(points,)`.
    """

    steps: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True)
class Reference:
    """Runs of one configuration.

    Attributes:
        name: str.
        seeds: list of int.
        bands: dict from a key of metrics.jsonl to its `Band`.
    """

    name: str
    seeds: list
    bands: dict


def find(config: dict) -> Reference | None:
    """The reference with the options of a run, if there is one.

    Args:
        config: the content of its `config.json`.
    """
    flags = writing.plain(config.get("flags", {}))  # as a file has them
    folder = importlib.resources.files("layerlock.report") / "reference_curves"
    if not folder.is_dir():
        return None
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".json"):
            continue
        found = json_files.decode(file.read_bytes(), file.name)
        if fits(found["options"], flags):
            return read(found)
    return None


def fits(options: dict, flags: dict) -> bool:
    """Whether a run has all options of a reference.

    >>> fits({"steps": 10}, {"steps": 10, "seed": 3})
    True
    >>> fits({"steps": 10}, {"steps": 20, "seed": 3})
    False
    """
    return all(
        name in flags and flags[name] == value
        for name, value in options.items()
    )


def read(content: dict) -> Reference:
    """The reference of the content of its file."""
    return Reference(
        content["name"],
        content["seeds"],
        {
            name: Band(*(np.array(curve[key]) for key in ("steps", *ENDS)))
            for name, curve in content["curves"].items()
        },
    )


def summarise(name: str, configs: list, metrics: list, options) -> dict:
    """The content of a reference's file, from runs that differ by their seed.

    Args:
        name: str.
        configs: list of dict, the `config.json` of each run.
        metrics: list of lists of dict, their log lines.
        options: names of the options that a run must share.

    Raises:
        ValueError: if the runs differ in an option, or there are fewer than
            two.
    """
    if len(configs) < 2:
        raise ValueError(
            "A band needs at least two runs. Received: "
            f"{len(configs)}. Train the configuration with another `seed`."
        )
    kept = [
        {o: config["flags"][o] for o in options if o in config["flags"]}
        for config in configs
    ]
    unlike = [o for o in kept[0] if any(k.get(o) != kept[0][o] for k in kept)]
    if unlike:
        raise ValueError(
            "The runs of a reference differ by their `seed` alone. Received: "
            f"runs with different `{'`, `'.join(unlike)}`."
        )
    curves = {}
    for column in COLUMNS:
        found = [
            {
                line["step"]: line[column]
                for line in lines
                if json_files.is_number(line.get(column))
            }
            for lines in metrics
        ]
        steps = sorted(set.intersection(*map(set, found)))
        if not steps:
            continue
        chosen = np.linspace(0, len(steps) - 1, min(len(steps), MAX_POINTS))
        steps = [steps[i] for i in chosen.round().astype(int)]
        values = np.array([[one[step] for step in steps] for one in found])
        curves[column] = {
            "steps": steps,
            "low": [float(f"{x:.4g}") for x in values.min(axis=0)],
            "high": [float(f"{x:.4g}") for x in values.max(axis=0)],
        }
    return {
        "name": name,
        "seeds": [config["flags"]["seed"] for config in configs],
        "options": kept[0],
        "curves": curves,
    }
