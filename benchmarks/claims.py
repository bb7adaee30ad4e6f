"""The paper's claims, in kind: what each choice does to frozen features.

    KERAS_BACKEND=jax python benchmarks/claims.py --run_dir=runs/claims
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=1,2
    KERAS_BACKEND=jax python benchmarks/claims.py --quick
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=main --data=REAL
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=main --data=REAL \\
        --run_dir=runs/main --final
    KERAS_BACKEND=jax python benchmarks/claims.py --grids=gap --data=REAL
    XLA_PYTHON_CLIENT_PREALLOCATE=false KERAS_BACKEND=jax \\
        python benchmarks/claims.py --scale=small --grids=1 --jobs=8

Trains every row of `docs/scenes.md` with `recipes/pretrain.py` on
procedural clips, reads the frozen features with `recipes/probe.py`, and writes
`results.md` into `--run_dir`, again after every run; rows that are not
complete are shown as such. What is complete is not repeated, and grids share
runs. 6 to 15 minutes a run on one CPU core, probes included; `--jobs` go side
by side. `results.json` holds every answer; one of another folder can be passed
with `--known`, and what it has is not run again. `--quick` shows in minutes
that everything works, and nothing about features. `--scale=small` is a larger
encoder on larger clips, for a GPU that all processes share.

`--grids=main` is a study of its own: LayerLock, its schedules and its rivals
(SALT, LeVJEPA) at several lengths, on scenes or on folders of real clips
(`--data`; `study_real_clips.py` says how they are laid out). Settings are
chosen first, on one seed and clips of validation speakers; `--final` then reads
the clips of the test speakers. `--known` takes the folder of a study elsewhere:
what its `rows.json` has is not run again. The study writes `rows.json`, with
every run, `study.md`, with tables, a sentence for each comparison and rank
correlations of what the log says with the probes, and `curves.png`.
`--grids=gap` reads the same runs in other ways: how much features, readout and
sampling lose.

LayerLock (arXiv 2509.10156), Tables 1 and 3 and section 4.3.
"""

import json
import pathlib
import sys

import study_grids
from absl import flags
from claims_scales import SCALES, STEPS
from claims_tables import Results
from grid import Grid
from recipe_runs import children_end_first

OF_STUDIES = ("data", "main_set", "final", "methods", "curves")  # flags
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
    list(study_grids.SIZES),
    "Size of encoder and clips.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "grids",
    None,
    "Which to run. Default: all that fit the scale.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "steps",
    STEPS,
    "Steps of a run; main and gap: of the longest, 4000 where not set.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "data",
    None,
    "main and gap: a folder of real clips. Default: scenes.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "main_set",
    None,
    "The labelled set in --data that is compared. Default: the one that ends "
    "in words, or else the first.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "final",
    False,
    "main and gap: ask about test speakers, once settings are chosen.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "methods",
    None,
    "main: only these rows, by name, such as MAE,LayerLock. Default: all.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "curves",
    True,
    "main: runs of other lengths, too. --nocurves: of the table alone.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "seeds", 3, "Runs of each row.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "jobs",
    2,
    "Processes at a time, one core each.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "known",
    None,
    "A results.json of runs elsewhere, such as docs/results.json; main: the "
    "folder of a study elsewhere, such as docs/lips.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "quick",
    False,
    "A few steps, 1 seed, small probes; the grid main where none is named.",
    flag_values=FLAGS,
)


def main(argv):
    """Trains and probes what is missing, seed by seed."""
    FLAGS(argv)
    if FLAGS.quick:
        FLAGS.set_default("grids", ["main"])
        FLAGS.set_default("steps", 60)
        FLAGS.set_default("seeds", 1)
    studies = [grid for grid in FLAGS.grids or () if grid in study_grids.GRIDS]
    if studies:
        print(study_grids.run(FLAGS, studies))
        return
    check_numbered(FLAGS)
    if FLAGS.scale != "nano":
        FLAGS.set_default("run_dir", f"runs/claims-{FLAGS.scale}")
    if FLAGS.quick:
        FLAGS.set_default("run_dir", "runs/claims-quick")
    scale, grids = choose(FLAGS)
    known = read_known(FLAGS.known) if FLAGS.known else {}
    runs = Grid(
        FLAGS.run_dir or "runs/claims",
        FLAGS.jobs,
        scale.flags,
        known,
        unnamed=scale.unnamed,
    )
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


def check_numbered(flags):
    """Ends the program where options are of other grids."""
    alien = [name for name in OF_STUDIES if flags[name].present]
    if alien:
        sys.exit(
            f"claims: --{', --'.join(alien)} "
            f"{'is' if len(alien) == 1 else 'are'} for the grids "
            f"{' and '.join(study_grids.GRIDS)}. Pass one of them, such as "
            f"--grids={study_grids.GRIDS[0]}."
        )


def choose(flags):
    """The scale and the numbered grids, or the end of the program."""
    scale = SCALES.get(flags.scale)
    known_grids = list(map(str, scale.grids)) if scale else []
    grids = flags.grids or known_grids
    unknown = [name for name in grids if name not in known_grids]
    if unknown or not known_grids:
        numbered = f"some of {','.join(known_grids)}, or " * bool(known_grids)
        sys.exit(
            f"claims: at --scale={flags.scale}, --grids takes {numbered}"
            f"some of {','.join(study_grids.GRIDS)}. Received: "
            f"{','.join(unknown) or 'none'}."
        )
    return scale, grids


def read_known(path) -> dict:
    """The answers of a `results.json`, or the end of the program."""
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"claims: --known is a results.json. {error}")


if __name__ == "__main__":
    with children_end_first():
        main(sys.argv)
