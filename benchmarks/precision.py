"""Loss curves of a job in several precisions, beside those of other seeds.

    KERAS_BACKEND=torch python benchmarks/precision.py --run_dir=runs/precision
    KERAS_BACKEND=jax python benchmarks/precision.py \\
        --precisions=none,bfloat16 --recipe='recipes/pretrain.py --steps=500'

Trains a recipe once for each seed and precision, and draws the losses of each
seed divided by its losses in the first precision. What is complete is not
repeated. The last line is JSON: for each precision the held-out prediction at
the end, in the mean of seeds, and `apart`, the largest relative difference of a
line of the log to that in the first precision, in the mean of seeds, too.
`seeds_apart` is the same between two seeds in one precision.
"""

import itertools
import json
import pathlib
import sys

import keras
import numpy as np
from absl import flags
from matplotlib.figure import Figure
from recipe_runs import children_end_first, trained

from layerlock.runs import RunDirectory

FLAGS = flags.FlagValues()
flags.DEFINE_list(
    "precisions",
    ["bfloat16", "float8"],
    "Values of --mixed_precision.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("seeds", 3, "Runs of each.", flag_values=FLAGS)
flags.DEFINE_string(
    "recipe", "recipes/pretrain.py", "The job, with flags.", flag_values=FLAGS
)
flags.DEFINE_string(
    "run_dir", "runs/precision", "Where they are kept.", flag_values=FLAGS
)


def main(argv):
    """Trains what is missing, draws the curves and prints one JSON object."""
    FLAGS(argv)
    runs = {
        precision: [train(precision, seed) for seed in range(FLAGS.seeds)]
        for precision in FLAGS.precisions
    }
    losses = {
        name: [np.array([line["loss"] for line in run]) for run in own]
        for name, own in runs.items()
    }
    first = losses[FLAGS.precisions[0]]
    steps = [line["step"] for line in runs[FLAGS.precisions[0]][0]]
    draw(steps, losses)
    print(
        json.dumps(
            {
                "name": "precision",
                "backend": keras.backend.backend(),
                "recipe": FLAGS.recipe,
                "seeds_apart": mean_apart(itertools.combinations(first, 2)),
                "precisions": {
                    name: {
                        "held_out_prediction": held_out(own),
                        "apart": mean_apart(
                            zip(losses[name], first, strict=True)
                        ),
                    }
                    for name, own in runs.items()
                },
            }
        )
    )


def train(precision: str, seed: int) -> list[dict]:
    """The lines of the log of one run."""
    recipe = f"{FLAGS.recipe} --mixed_precision={precision}"
    name = f"{keras.backend.backend()}-{precision}"
    path = trained(recipe, seed, FLAGS.run_dir, name)
    return RunDirectory.open(path).read_metrics()


def mean_apart(pairs) -> float:
    """The largest relative difference of two curves, in the mean of pairs."""
    return float(np.mean([np.abs(x / y - 1).max() for x, y in pairs] or [0.0]))


def held_out(runs) -> float:
    """The last held-out prediction, in the mean of runs."""
    key = "held_out_prediction"
    found = [[line[key] for line in run if key in line] for run in runs]
    return float(np.mean([one[-1] for one in found if one] or [np.nan]))


def draw(steps, losses):
    """Losses, and losses over those of the same seed in the first precision."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    first = losses[FLAGS.precisions[0]]
    for index, (name, own) in enumerate(losses.items()):
        for seed, values in enumerate(own):
            style = {
                "color": f"C{index}",
                "linewidth": 1,
                "label": None if seed else name,
            }
            left.plot(steps, values, **style)
            right.plot(steps, values / first[seed], **style)
    left.set(xlabel="step", ylabel="loss")
    right.set(
        xlabel="step",
        ylabel=f"loss over that in {FLAGS.precisions[0]}, same seed",
    )
    left.legend()
    path = pathlib.Path(FLAGS.run_dir) / f"{keras.backend.backend()}.png"
    figure.savefig(path, dpi=120)
    print(path)


if __name__ == "__main__":
    with children_end_first():
        main(sys.argv)
