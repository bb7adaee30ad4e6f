"""Time and memory of whole runs, beside a run of MAE that never freezes.

    KERAS_BACKEND=jax python benchmarks/run_time.py

Trains each stage of the recipes in `recipes/comparison/` by turns with the
step of `mae.py`, with every callback of `pretrain`, and adds up the stages as
their schedules do: the time of a run over the time of MAE's. Freezes
themselves, validation and checkpoints are left out (`benchmarks/stall.py`,
`benchmarks/monitoring.py`). The memory is that of a step, weights and optimizer
included, at the first and at the last stage. The last line is JSON.
"""

import functools
import importlib
import json
import pathlib
import statistics
import sys

import keras
from absl import flags
from side_by_side import ratio, times_of_fits
from stage_job import opened

from layerlock import backends
from layerlock.jobs.pretraining import method as methods

RECIPES = ("mae_layerlock", "vjepa", "vjepa_layerlock")
REFERENCE = "mae"
LONG = {  # so long that nothing happens by itself
    "monitor_every": 10**9,
    "checkpoint_every": 10**9,
    "compilation_cache": "",
}
FLAGS = flags.FlagValues()
flags.DEFINE_list(
    "recipes", list(RECIPES), "Of recipes/comparison/.", flag_values=FLAGS
)
flags.DEFINE_integer("rounds", 7, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)


def main(argv):
    """Measures every stage of every recipe, and prints one JSON object."""
    FLAGS(argv)
    found = {}
    for name in FLAGS.recipes:
        stages = [measure(name, *stage) for stage in stages_of(name)]
        found[name] = whole_run(stages)
        print(json.dumps({"recipe": name, **found[name]}), flush=True)
    print(
        json.dumps(
            {
                "name": "run_time",
                "reference": REFERENCE,
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "recipes": found,
            }
        )
    )


def stages_of(name: str) -> list[tuple[int, int]]:
    """Frozen layers and number of steps of each stage of a recipe."""
    config = config_of(name).resolve()
    steps = config.training.steps
    events = [(0, 0), *methods.build(config).schedule.events(steps)]
    ends = [step for step, _ in events[1:]] + [steps]
    return [
        (frozen, end - begin)
        for (begin, frozen), end in zip(events, ends, strict=True)
        if end > begin
    ]


def configured(name: str, run_dir: str):
    """The resolved configuration of a recipe, and its method."""
    config = config_of(name).but(**LONG, log_every=FLAGS.steps, run_dir=run_dir)
    config = config.resolve()
    return config, methods.build(config)


def config_of(name: str):
    """The configuration of a recipe."""
    root = str(pathlib.Path(__file__).parents[1])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"recipes.comparison.{name}").CONFIG


def measure(name: str, frozen_layers: int, num_steps: int) -> dict:
    """Time of a stage over that of the reference, and the memory of both."""
    with (
        opened(functools.partial(configured, REFERENCE), 0) as theirs,
        opened(functools.partial(configured, name), frozen_layers) as ours,
    ):
        times = times_of_fits(
            ours.train, theirs.train, FLAGS.steps, FLAGS.rounds
        )
        ours, theirs = (
            backends.measure_step(job.model).peak_bytes
            for job in (ours, theirs)
        )
    return {
        "frozen_layers": frozen_layers,
        "steps": num_steps,
        "peak_bytes": ours,
        "peak_bytes_reference": theirs,
        **ratio(times),
    }


def whole_run(stages: list) -> dict:
    """Adds up stages.

    Args:
        stages: list of what `measure` returns.

    Returns:
        dict with the `ratio` of times, `low` and `high`, and the peak memory
        at the first and the last stage over that of the reference.
    """
    steps = [stage["steps"] for stage in stages]
    times = {
        key: statistics.fmean((stage[key] for stage in stages), weights=steps)
        for key in ("ratio", "low", "high")
    }
    memory = [
        stage["peak_bytes"]
        and stage["peak_bytes"] / stage["peak_bytes_reference"]
        for stage in (stages[0], stages[-1])
    ]
    return {
        **times,
        "memory_first": memory[0],
        "memory_last": memory[1],
        "stages": stages,
    }


if __name__ == "__main__":
    main(sys.argv)
