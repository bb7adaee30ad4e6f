"""Which objectives collapse: runs, probes, and what the monitors said.

    KERAS_BACKEND=jax python benchmarks/collapse.py --run_dir=runs/claims

Trains every row of `docs/collapse.md` on three seeds with
`recipes/pretrain.py`, reads the frozen features with `recipes/probe.py`, and
writes `collapse.md` and `collapse.png` into `--run_dir`. What is complete is
not repeated. 6 to 15 minutes a run on one CPU core, probes included; `--jobs`
go side by side.

LayerLock (arXiv 2509.10156), Table 3, in kind.
"""

import itertools
import sys

import numpy as np
from absl import flags
from claims_scales import FULL, NANO, STEPS
from grid import Grid
from recipe_runs import children_end_first

METHODS = {
    "LayerLock (MAE)": "--objective=mae",
    "V-JEPA": "--objective=vjepa --schedule=never",
    "V-JEPA + LayerLock": "--objective=vjepa",
    "MAE + latent": "--objective=mae_latent --schedule=never",
    "MAE + latent, gradient": (
        "--objective=mae_latent --schedule=never --target_gradient"
    ),
    "MAE + latent, cosine, gradient": (
        "--objective=mae_latent --schedule=never --target_gradient "
        "--objective_args=weight_schedule=cosine"
    ),
    "V-JEPA without EMA": "--objective=vjepa --schedule=never --teacher=self",
    "V-JEPA without EMA, gradient": (
        "--objective=vjepa --schedule=never --teacher=self --target_gradient"
    ),
}
FLOOR = "random:video_vit_nano"
COLUMNS = ("feature_std", "target_std", "clip_cosine", "effective_rank")

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run_dir", "runs/claims", "Where the runs are kept.", flag_values=FLAGS
)
flags.DEFINE_integer("steps", STEPS, "Steps of a run.", flag_values=FLAGS)
flags.DEFINE_integer("seeds", 3, "Runs of each row.", flag_values=FLAGS)
flags.DEFINE_integer(
    "jobs", 2, "Runs at a time, one core each.", flag_values=FLAGS
)


def main(argv):
    """Trains and probes what is missing, then puts it side by side."""
    FLAGS(argv)
    grid = Grid(FLAGS.run_dir, FLAGS.jobs, NANO.flags, unnamed=NANO.unnamed)
    seeds = range(FLAGS.seeds)
    grid.side_by_side(
        lambda seed, method: grid.train(method, FLAGS.steps, seed),
        [(seed, method) for seed in seeds for method in METHODS.values()],
    )
    questions = [
        (probe, grid.path(method, FLAGS.steps, seed))
        for seed in seeds
        for method in METHODS.values()
        for probe in FULL.values()
    ] + [
        (probe, grid.encoder_path(FLOOR, seed), FLOOR, seed)
        for seed in seeds
        for probe in FULL.values()
    ]
    grid.side_by_side(grid.judge, questions)
    rows = {
        name: [
            measure(grid, grid.path(method, FLAGS.steps, seed))
            for seed in seeds
        ]
        for name, method in METHODS.items()
    }
    rows["random encoder"] = [
        {"probe": probed(grid, grid.encoder_path(FLOOR, seed))}
        for seed in seeds
    ]
    text = table(rows)
    (grid.folder / "collapse.md").write_text(text)
    draw(grid, grid.folder / "collapse.png")
    print(text)


def measure(grid, path) -> dict:
    """What a run's log says, and its probes."""
    lines = grid.metrics(path)
    changes = [
        (label, next(group)["step"])
        for label, group in itertools.groupby(lines, lambda x: x["verdict"])
    ]
    return {
        **{name: lines[-1][name] for name in COLUMNS},
        "verdicts": changes,
        "probe": probed(grid, path),
    }


def probed(grid, path) -> dict:
    """What the probes found in the features of an encoder."""
    return {name: grid.judge(probe, path) for name, probe in FULL.items()}


def table(rows) -> str:
    """The rows as Markdown: mean and standard deviation over seeds."""
    heads = ("run", *COLUMNS, *FULL, "verdict, by seed")
    lines = [heads, ["---"] * len(heads)]
    for name, measured in rows.items():
        cells = [name]
        for column in COLUMNS:
            cells.append(_mean([m[column] for m in measured if column in m]))
        for task in FULL:
            cells.append(_mean([m["probe"][task] for m in measured]))
        cells.append("; ".join(map(_verdict, measured)))
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _mean(values) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.3g}{spread}"


def _verdict(measured) -> str:
    if "verdicts" not in measured:
        return "-"
    changes = measured["verdicts"]
    if [label for label, _ in changes] == ["healthy"]:
        return "healthy throughout"
    if changes[0][0] == "healthy":
        changes = changes[1:]
    return ", ".join(f"{label} at {step}" for label, step in changes)


def draw(grid, path):
    """Spread and rank over steps, one line per run."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2))
    for axes, column in zip(
        panels, ("feature_std", "target_std", "effective_rank"), strict=True
    ):
        for index, (name, method) in enumerate(METHODS.items()):
            for seed in range(FLAGS.seeds):
                lines = grid.metrics(grid.path(method, FLAGS.steps, seed))
                axes.plot(
                    [line["step"] for line in lines],
                    [line[column] for line in lines],
                    color=f"C{index}",
                    linewidth=1.2,
                    alpha=0.8,
                    label=name if seed == 0 else None,
                )
        axes.set_title(column)
        axes.set_xlabel("step")
        axes.set_ylim(bottom=0)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="lower center",
        ncols=4,
        frameon=False,
    )
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    with children_end_first():
        main(sys.argv)
