"""The paper's claims, in kind: what each choice does to frozen features.

    KERAS_BACKEND=jax python benchmarks/claims.py --run_dir=runs/claims
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=1,2
    KERAS_BACKEND=jax python benchmarks/claims.py --quick

Trains every row of `docs/results.md` with `recipes/pretrain.py` on
procedural clips, reads the frozen features with `recipes/probe.py`, and writes
`results.md` into `--run_dir`, again after every run; rows that are not
complete are shown as such. What is complete is not repeated, and grids share
runs. 6 to 15 minutes a run on one CPU core, probes included; `--jobs` go side
by side. `--quick` shows in some minutes that everything works, and nothing
about features.

LayerLock (arXiv 2509.10156), Tables 1 and 3 and section 4.3.
"""

import sys

from absl import flags
from claims_rows import COMMON, FLOORS, GRIDS, STEPS
from claims_tables import Results
from grid import Grid

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run_dir",
    None,
    "Where the runs are kept. Default: runs/claims, or runs/claims-quick.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "grids", None, "Which to run. Default: all.", flag_values=FLAGS
)
flags.DEFINE_integer("steps", STEPS, "Steps of a run.", flag_values=FLAGS)
flags.DEFINE_integer("seeds", 3, "Runs of each row.", flag_values=FLAGS)
flags.DEFINE_integer(
    "jobs", 2, "Processes at a time, one core each.", flag_values=FLAGS
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
    if FLAGS.quick:
        FLAGS.set_default("run_dir", "runs/claims-quick")
        FLAGS.set_default("grids", ["1", "2"])
        FLAGS.set_default("steps", 60)
        FLAGS.set_default("seeds", 1)
    grids = FLAGS.grids or list(map(str, GRIDS))
    unknown = [name for name in grids if name not in map(str, GRIDS)]
    if unknown:
        sys.exit(
            f"claims: --grids takes numbers from {min(GRIDS)} to {max(GRIDS)}. "
            f"Received: {','.join(unknown)}."
        )
    runs = Grid(FLAGS.run_dir or "runs/claims", FLAGS.jobs, COMMON)
    results = Results(runs, FLAGS.steps, FLAGS.seeds, FLAGS.quick)

    def finish(row, seed, probes):
        path = results.path(row, seed)
        if row.flags in FLOORS.values():
            floor = {"encoder": row.flags, "seed": seed}
        else:
            floor = {}
            steps = results.steps_of(row, seed)
            runs.train(row.flags_for(FLAGS.steps), steps, seed)
        for probe in probes:
            runs.judge(probe, path, **floor)
        results.write()

    for seed in range(FLAGS.seeds):
        work = results.work(map(int, grids))
        for waits in (False, True):
            runs.side_by_side(
                finish,
                [
                    (row, seed, probes)
                    for row, probes in work.items()
                    if bool(row.flops_of) == waits
                ],
            )
    print(results.write())


if __name__ == "__main__":
    main(sys.argv)
