"""Makes the curves that the report draws behind those of a user's run.

    KERAS_BACKEND=jax python benchmarks/reference_curves.py --name=default \\
        --recipe=recipes/pretrain.py --seeds=3 --run_dir=runs/reference
    python benchmarks/reference_curves.py --name=default runs/a runs/b runs/c

Trains a recipe with several seeds, or takes runs that differ by their seed
alone, and writes the range of their loss, their health and their probes to
`layerlock/report/reference_curves/NAME.json`. A report has the range behind its
curves where all options are equal, except for the seed and those of where a
run is kept, what it logs and on which devices it trains. What is complete is
not repeated. The default job takes 2 to 10 minutes a seed.
"""

import pathlib
import sys

from absl import flags
from recipe_runs import ROOT, children_end_first, trained

from layerlock.config import PretrainConfig
from layerlock.report import reference
from layerlock.runs import RunDirectory, writing

FLAGS = flags.FlagValues()
flags.DEFINE_string("name", None, "Of the file.", flag_values=FLAGS)
flags.DEFINE_string(
    "recipe",
    None,
    "The recipe to train, such as recipes/pretrain.py, and its flags.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("seeds", 3, "Runs of the recipe.", flag_values=FLAGS)
flags.DEFINE_string(
    "run_dir", "runs/reference", "Where they are kept.", flag_values=FLAGS
)
flags.DEFINE_string(
    "out",
    str(ROOT / "layerlock" / "report" / "reference_curves"),
    "Folder of the file.",
    flag_values=FLAGS,
)
# What says nothing about how a run learns.
IRRELEVANT = ("run", "devices")
OTHERS = {"seed", "workers", "validation", "remat", "jit_compile"}


def main(argv):
    """Trains what is missing, and writes one file."""
    paths = list(map(pathlib.Path, FLAGS(argv)[1:]))
    if not FLAGS.name or bool(paths) == bool(FLAGS.recipe):
        sys.exit(
            "reference_curves: --name, and either --recipe or run directories "
            "are needed."
        )
    if FLAGS.recipe:
        paths = [
            trained(FLAGS.recipe, seed, FLAGS.run_dir, FLAGS.name)
            for seed in range(FLAGS.seeds)
        ]
    opened = [RunDirectory.open(path) for path in paths]
    try:
        content = reference.summarise(
            FLAGS.name,
            [one.config for one in opened],
            [one.read_metrics() for one in opened],
            options(),
        )
    except ValueError as error:
        sys.exit(f"reference_curves: {error}")
    content["recipe"] = FLAGS.recipe or ""
    path = pathlib.Path(FLAGS.out) / f"{FLAGS.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    writing.write_json(path, content)
    print(f"{path}: {len(opened)} runs, {path.stat().st_size} bytes")


def options() -> list[str]:
    """The options that a run shares with its reference."""
    return [
        name
        for field, section in PretrainConfig.sections().items()
        if field not in IRRELEVANT
        for name in section.options()
        if name not in OTHERS
    ]


if __name__ == "__main__":
    with children_end_first():
        main(sys.argv)
