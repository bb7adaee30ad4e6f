"""The paper's claims, in kind: what each choice does to frozen features.

    KERAS_BACKEND=jax python benchmarks/claims.py --run_dir=runs/claims
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=1,2
    KERAS_BACKEND=jax python benchmarks/claims.py --quick
    XLA_PYTHON_CLIENT_PREALLOCATE=false KERAS_BACKEND=jax \\
        python benchmarks/claims.py --scale=small --grids=1 --jobs=8

Trains every row of `docs/results.md` with `recipes/pretrain.py` on
procedural clips, reads the frozen features with `recipes/probe.py`, and writes
`results.md` into `--run_dir`, again after every run; rows that are not
complete are shown as such. What is complete is not repeated, and grids share
runs. 6 to 15 minutes a run on one CPU core, probes included; `--jobs` go side
by side. `results.json` holds every answer; one of another folder can be passed
with `--known`, and what it has is not run again. `--quick` shows in minutes
that everything works, and nothing about features. `--scale=small` is a larger
encoder on larger clips, for a GPU that all processes share.

LayerLock (arXiv 2509.10156), Tables 1 and 3 and section 4.3.
"""

import json
import pathlib
import sys

from absl import flags
from claims_scales import SCALES, STEPS
from claims_tables import Results
from grid import Grid

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run_dir",
    None,
    "Where the runs are kept. Default: runs/claims, runs/claims-quick, "
    "runs/claims-small.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "scale",
    "nano",
    list(SCALES),
    "Size of encoder and clips.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "grids",
    None,
    "Which to run. Default: all that fit the scale.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("steps", STEPS, "Steps of a run.", flag_values=FLAGS)
flags.DEFINE_integer("seeds", 3, "Runs of each row.", flag_values=FLAGS)
flags.DEFINE_integer(
    "jobs", 2, "Processes at a time, one core each.", flag_values=FLAGS
)
flags.DEFINE_string(
    "known",
    None,
    "A results.json of runs elsewhere, such as docs/results.json.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "quick",
    False,
    "60 steps, 1 seed, grids 1 and 2, small probes.",
    flag_values=FLAGS,
)


def main(argv):
    """Trains and probes what is missing, seed by seed."""
    FLAGS(argv)
    if FLAGS.scale != "nano":
        FLAGS.set_default("run_dir", f"runs/claims-{FLAGS.scale}")
    if FLAGS.quick:
        FLAGS.set_default("run_dir", "runs/claims-quick")
        FLAGS.set_default("grids", ["1", "2"])
        FLAGS.set_default("steps", 60)
        FLAGS.set_default("seeds", 1)
    scale = SCALES[FLAGS.scale]
    known_grids = list(map(str, scale.grids))
    grids = FLAGS.grids or known_grids
    unknown = [name for name in grids if name not in known_grids]
    if unknown:
        sys.exit(
            f"claims: --grids takes some of {','.join(known_grids)} at this "
            f"scale. Received: {','.join(unknown)}."
        )
    known = read_known(FLAGS.known) if FLAGS.known else {}
    runs = Grid(FLAGS.run_dir or "runs/claims", FLAGS.jobs, scale.flags, known)
    results = Results(runs, scale, FLAGS.steps, FLAGS.seeds, FLAGS.quick)

    def finish(row, seed, probes):
        path = results.path(row, seed)
        if any(runs.answer(probe, path) is None for probe in probes):
            floor = {}
            if results.is_floor(row):
                floor = {"encoder": row.flags, "seed": seed}
            else:
                runs.train(results.flags_of(row), results.steps_of(row), seed)
            for probe in probes:  # all, so that they are about one run
                runs.judge(probe, path, **floor)
        results.write()

    work = results.work(map(int, grids))
    for seed in range(FLAGS.seeds):
        runs.side_by_side(
            finish, [(row, seed, probes) for row, probes in work.items()]
        )
    print(results.write())


def read_known(path) -> dict:
    """The answers of a `results.json`, or the end of the program."""
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"claims: --known is a results.json. {error}")


if __name__ == "__main__":
    main(sys.argv)
