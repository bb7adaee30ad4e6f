"""What procedural clips allow: floors and ceilings of the three tasks.

    KERAS_BACKEND=jax python benchmarks/scenes_range.py --run_dir=runs/claims

Reads raw pixels and random encoders, the floors, with the attentive readout of
`benchmarks/claims.py`, and trains end to end with labels, the ceiling, from the
plain MAE of the same folder. Also with labels, but on single frames: motion
must then be at chance. Writes `range.md` into `--run_dir`. What is complete is
not repeated; about 10 minutes for each end-to-end training on one CPU core.
"""

import sys

import numpy as np
from absl import flags
from claims_rows import MAE
from claims_scales import FULL, NANO, STEPS
from grid import PROBE_SEED, Grid
from recipe_runs import children_end_first

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run_dir", "runs/claims", "Where the runs are kept.", flag_values=FLAGS
)
flags.DEFINE_integer("steps", STEPS, "Steps of a run.", flag_values=FLAGS)
flags.DEFINE_integer("seeds", 3, "Random encoders.", flag_values=FLAGS)
flags.DEFINE_integer(
    "jobs", 2, "Processes at a time, one core each.", flag_values=FLAGS
)
# Clips that are seen again and again are learned by heart.
CEILINGS = {
    "with labels, end to end": "num_train=32000",
    "with labels, one frame": "num_train=32000,single_frame=True",
}


def main(argv):
    """Measures what is missing."""
    FLAGS(argv)
    grid = Grid(FLAGS.run_dir, FLAGS.jobs, NANO.flags, unnamed=NANO.unnamed)
    pretrained = grid.train(MAE, FLAGS.steps, seed=0)
    floors = [
        (probe, grid.encoder_path(encoder, seed), encoder, seed)
        for encoder in NANO.floors.values()
        for seed in range(FLAGS.seeds)
        for probe in FULL.values()
    ]
    grid.side_by_side(grid.judge, floors)
    ceilings = [
        (probe, task_args, pretrained)
        for task_args in CEILINGS.values()
        for probe in FULL.values()
    ]
    found = grid.side_by_side(
        lambda probe, task_args, encoder: grid.finetune(
            f"--encoder={encoder.resolve()} --task={probe.task} "
            f"--task_args=seed={PROBE_SEED},{task_args} "
            "--layer_decay=1 --learning_rate=1e-3 --steps=1000",
            f"{probe.task}-{task_args}",
            probe.metric,
        ),
        ceilings,
    )
    rows = {
        name: [
            [
                grid.answer(probe, grid.encoder_path(encoder, seed))
                for seed in range(FLAGS.seeds)
            ]
            for probe in FULL.values()
        ]
        for name, encoder in NANO.floors.items()
    }
    for index, name in enumerate(CEILINGS):
        start = index * len(FULL)
        rows[name] = [[value] for value in found[start : start + len(FULL)]]
    text = table(rows)
    (grid.folder / "range.md").write_text(text)
    print(text)


def table(rows) -> str:
    """The rows as Markdown."""
    lines = [("", *FULL), ["---"] * (len(FULL) + 1)]
    for name, columns in rows.items():
        lines.append((name, *map(_mean, columns)))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _mean(values) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


if __name__ == "__main__":
    with children_end_first():
        main(sys.argv)
