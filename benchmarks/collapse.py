"""Which objectives collapse: runs, a probe, and what the monitors said.

    KERAS_BACKEND=jax python benchmarks/collapse.py --run_dir=runs/collapse

Trains every row of `docs/collapse.md` on three seeds with
`recipes/pretrain.py`, fits readouts on the frozen features of fresh clips, and
writes `collapse.md` and `collapse.png` into `--run_dir`. Runs that
are complete are not repeated. About 2 minutes a run on one CPU core; `--jobs`
runs go side by side.

LayerLock (arXiv 2509.10156), Table 3, in kind.
"""

import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys

import numpy as np
from absl import flags

from layerlock import evaluation, runs
from layerlock.evaluation import encoders, probes

ROOT = pathlib.Path(__file__).parents[1]
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
COLUMNS = ("feature_std", "target_std", "clip_cosine", "effective_rank")
# Clips of the probes: from another seed than any run.
PROBE_SEED = 1000
COUNTS = {"num_train": 2000, "num_validation": 100, "num_test": 1000}
PROBES = {  # task, readout, metric
    "motion": ("scenes_motion", "attentive", "top1"),
    "depth error": ("scenes_depth", "linear", "abs_rel"),
}

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run_dir", "runs/collapse", "Where the runs are kept.", flag_values=FLAGS
)
flags.DEFINE_integer("steps", 600, "Steps of a run.", flag_values=FLAGS)
flags.DEFINE_integer("seeds", 3, "Runs of each row.", flag_values=FLAGS)
flags.DEFINE_integer(
    "jobs", 2, "Runs at a time, one core each.", flag_values=FLAGS
)


def main(argv):
    """Trains what is missing, then measures everything."""
    FLAGS(argv)
    folder = pathlib.Path(FLAGS.run_dir)
    jobs = [
        (folder / f"{slug(name)}-{seed}", method, seed)
        for seed in range(FLAGS.seeds)
        for name, method in METHODS.items()
    ]
    with concurrent.futures.ThreadPoolExecutor(FLAGS.jobs) as pool:
        for path in pool.map(lambda job: train(*job), jobs):
            print(f"{path}: done", flush=True)
    rows = {
        name: [
            measure(folder / f"{slug(name)}-{seed}")
            for seed in range(FLAGS.seeds)
        ]
        for name in METHODS
    }
    rows["random encoder"] = [
        {"probe": probe(random_encoder(seed))} for seed in range(FLAGS.seeds)
    ]
    text = table(rows)
    (folder / "collapse.md").write_text(text)
    draw(folder, folder / "collapse.png")
    print(text)


def slug(name: str) -> str:
    """The name of a row as the name of a folder."""
    words = name.lower().replace("(", "").replace(")", "").replace(",", "")
    return words.replace(" + ", "-").replace(" ", "-")


def command(path, method, seed) -> list[str]:
    """The recipe's arguments for one run."""
    return [
        "recipes/pretrain.py",
        *shlex.split(method),
        f"--steps={FLAGS.steps}",
        f"--seed={seed}",
        f"--run_dir={path.resolve()}",
    ]


def train(path, method, seed):
    """Trains one run to its end, going on where an earlier try stopped."""
    if path.exists() and (path / "config.json").exists():
        lines = runs.RunDirectory.open(path).read_metrics()
        if lines and lines[-1]["step"] >= FLAGS.steps:
            return path
    resume = ["--resume"] if (path / "config.json").exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.log", "a") as log:
        subprocess.run(
            [sys.executable, *command(path, method, seed), *resume],
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false "
                "intra_op_parallelism_threads=1",
            },
            stdout=log,
            stderr=log,
            check=True,
        )
    return path


def probe(encoder) -> dict:
    """What small readouts find in the frozen features of fresh clips."""
    return {
        name: evaluation.probe(
            encoder,
            evaluation.get(task, seed=PROBE_SEED, **COUNTS),
            probes.get(readout, steps=500, learning_rates=(3e-3,)),
        ).metrics[metric]["value"]
        for name, (task, readout, metric) in PROBES.items()
    }


def random_encoder(seed):
    """An encoder that learned nothing: the floor."""
    return encoders.load("random:video_vit_nano", seed)


def measure(path) -> dict:
    """What a run's log says, and its probes."""
    lines = runs.RunDirectory.open(path).read_metrics()
    called = [line["step"] for line in lines if line["verdict"] == "collapsed"]
    return {
        **{name: lines[-1][name] for name in COLUMNS},
        "verdicts": {line["verdict"] for line in lines},
        "verdict": lines[-1]["verdict"],
        "collapsed_at": called[0] if called else None,
        "probe": probe(encoders.load(path)),
    }


def table(rows) -> str:
    """The rows as Markdown: mean and standard deviation over seeds."""
    heads = ("run", *COLUMNS, *PROBES, "verdict, by seed")
    lines = [heads, ["---"] * len(heads)]
    for name, measured in rows.items():
        cells = [name]
        for column in COLUMNS:
            cells.append(_mean([m[column] for m in measured if column in m]))
        for task in PROBES:
            cells.append(_mean([m["probe"][task] for m in measured]))
        cells.append("; ".join(map(_verdict, measured)))
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _mean(values) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3g} ± {np.std(values):.2g}"


def _verdict(measured) -> str:
    if "verdict" not in measured:
        return "-"
    if measured["verdicts"] == {"healthy"}:
        return "healthy throughout"
    if measured["collapsed_at"] is None:
        return measured["verdict"]
    return f"{measured['verdict']} (first at {measured['collapsed_at']})"


def draw(folder, path):
    """Spread and rank over steps, one line per run."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2))
    for axes, column in zip(
        panels, ("feature_std", "target_std", "effective_rank"), strict=True
    ):
        for index, name in enumerate(METHODS):
            for seed in range(FLAGS.seeds):
                run = runs.RunDirectory.open(folder / f"{slug(name)}-{seed}")
                lines = run.read_metrics()
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
    main(sys.argv)
