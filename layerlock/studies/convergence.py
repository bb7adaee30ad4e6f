"""In which order layers converge, and when they can be frozen.

LayerLock (arXiv 2509.10156), section 3.1 and Figure 1.
"""

import json
import math
import pathlib

from layerlock.config import ConvergenceConfig, OptionError, facts
from layerlock.jobs.job import Job, Plan
from layerlock.jobs.pretraining import costs, method
from layerlock.runs import wording, writing
from layerlock.studies.figures import convergence as figures, savings
from layerlock.studies.series import branching, training

MAX_CHECKPOINTS = 50  # of the trunk, which keeps all of them
SHARES = (10, 20, 40, 60, 80)  # percent
# Of a trunk that is complete: whether it has the checkpoints is asked anyway.
TRUNK_FREE = ("checkpoint_every",)


def start(config: ConvergenceConfig):
    """Checks a configuration; returns what trains the runs."""
    config, pairs = choose(config)
    savings.require_matplotlib()
    run_dir = pathlib.Path(config.run.run_dir)
    check_runs(config, run_dir, pairs)

    def work() -> dict:
        trunk = trunk_config(config, pairs)
        lines = training.train(trunk, run_dir / "trunk", TRUNK_FREE)
        base, losses = savings.final_loss(lines), {}
        for number, (layer, step) in enumerate(pairs, start=1):
            print(f"Pair {number} of {len(pairs)}")
            lines = train_branch(config, run_dir, layer, step)
            losses[layer, step] = savings.final_loss(lines)
        summary = figures.summarise(losses, base, config.study.tolerance)
        writing.write_json(run_dir / "convergence.json", summary)
        figures.draw(summary, run_dir / "convergence.png")
        print(figures.table(summary))
        print(f"Picture: {run_dir / 'convergence.png'}")
        print(json.dumps(summary))
        return summary

    return work


def choose(config: ConvergenceConfig) -> tuple[ConvergenceConfig, list]:
    """Refuses what makes no sense; chooses the pairs of layer and step.

    Returns:
        The configuration with what the runs share, and the pairs.
    """
    if config.study.quick:
        quick = {
            "run_dir": "runs/convergence-quick",
            "steps": 60,
            "batch_size": 8,
        }
        config = config.but(**{**quick, **config.given})
    config = training.check_study(config)
    if config.method.objective != "mae":
        raise OptionError(
            "Runs are compared by their loss on pixels, which is that of "
            f"`objective=mae`. Received: `objective={config.method.objective}`."
        )
    for name in ("checkpoint_every", "keep_checkpoints"):
        if name in config.run.given:
            raise OptionError(
                f"`{name}` follows from `freeze_at`. Leave it out."
            )
    if config.given.get("target", "pixels") != "pixels":
        raise OptionError(
            "Runs are compared by their loss on pixels. Received: "
            f"`target={config.method.target}`. Leave it out."
        )
    config = config.but(target="pixels")
    run = training.run_config(config, schedule="never", mini_warmup_steps=None)
    run = run.resolve()
    method.build(run)
    pairs = choose_pairs(config, facts.num_freezable(run))
    every = branching.common_divisor([step for _, step in pairs])
    check_checkpoints(config, every, sorted({step for _, step in pairs}))
    if "log_every" not in config.run.given:
        config = config.but(log_every=branching.log_every(every))
    if every % config.run.log_every:
        raise OptionError(
            "`freeze_at` are multiples of `log_every`, at which checkpoints "
            f"can be written. Received: {sorted({s for _, s in pairs})} and "
            f"{config.run.log_every}."
        )
    return config, pairs


def check_checkpoints(config: ConvergenceConfig, every: int, freeze_at: list):
    """Refuses steps whose checkpoints would be too many.

    Args:
        config: as it was given.
        every: int, steps from a checkpoint to the next one.
        freeze_at: list of int, in order.
    """
    steps = config.training.steps
    if steps // every <= MAX_CHECKPOINTS:
        return
    coarse = math.ceil(steps / MAX_CHECKPOINTS)
    if "log_every" in config.run.given:
        coarse = math.ceil(coarse / config.run.log_every) * config.run.log_every
    last = (steps - 1) // coarse
    rounded = {min(max(round(s / coarse), 1), last) for s in freeze_at}
    better = ",".join(str(number * coarse) for number in sorted(rounded))
    raise OptionError(
        "The run without a freeze keeps a checkpoint at every common divisor "
        f"of `freeze_at`. Received: {freeze_at}, a checkpoint every {every} "
        f"steps, and {steps // every} in all. Expected at most "
        f"{MAX_CHECKPOINTS}. Pass multiples of one larger number, such as "
        f"`freeze_at={better}`."
    )


def choose_pairs(config: ConvergenceConfig, most: int) -> list:
    """The pairs of layer and step.

    Args:
        config: as it was given.
        most: how many layers may freeze.
    """
    study, steps = config.study, config.training.steps
    shares = SHARES[1::2] if study.quick else SHARES
    layers = study.layers or figures.spread(most, 2 if study.quick else 4)
    # Multiples of one interval, at which the run writes its checkpoints.
    tenth = max(1, steps // 10)
    freeze_at = study.freeze_at or [tenth * s // 10 for s in shares]
    layers, freeze_at = sorted(set(layers)), sorted(set(freeze_at))
    if not all(0 < layer <= most for layer in layers):
        raise OptionError(
            f"`layers` are from 1 to {most}, those that do not decode. "
            f"Received: {layers}."
        )
    if not all(0 < step < steps for step in freeze_at):
        raise OptionError(
            f"`freeze_at` are steps after 0 and before `steps={steps}`. "
            f"Received: {freeze_at}."
        )
    return [(layer, step) for layer in layers for step in freeze_at]


def check_runs(config, run_dir: pathlib.Path, pairs: list):
    """Refuses what is in the folder, unless it is what would be trained."""
    trunk = trunk_config(config, pairs)
    training.check(trunk, run_dir / "trunk", TRUNK_FREE)
    is_trained = training.is_complete(run_dir / "trunk")
    for layer, step in pairs:
        path = branch_path(run_dir, layer, step)
        training.check(branch_config(config, layer, step), path)
        if is_trained and not path.exists():
            branching.find_checkpoint(run_dir / "trunk", step)


def trunk_config(config, pairs: list):
    """The run without a freeze, with a checkpoint at every step of a pair."""
    return training.run_config(
        config,
        schedule="never",
        mini_warmup_steps=None,
        checkpoint_every=branching.common_divisor([s for _, s in pairs]),
        keep_checkpoints=config.training.steps,
    )


def branch_config(config, layer: int, step: int):
    """The run of a pair."""
    return training.run_config(
        config,
        schedule="piecewise",
        schedule_args=f"events=[({step},{layer})]",
    )


def train_branch(config, run_dir, layer: int, step: int) -> list[dict]:
    """Trains a pair to its end, from the trunk's checkpoint."""
    path = branch_path(run_dir, layer, step)
    run = branch_config(config, layer, step)
    if not path.exists():
        branching.branch(run_dir / "trunk", step, path, run)
    return training.train(run, path)


def branch_path(run_dir, layer: int, step: int) -> pathlib.Path:
    """The run directory of a pair."""
    return run_dir / f"layers_{layer}_at_{step}"


def plan(config: ConvergenceConfig) -> Plan:
    """What all runs would cost together."""
    for name in ("devices", "memory_gigabytes"):
        value = getattr(config.devices, name)
        if value is not None:
            raise OptionError(
                f"`{name}` plans one run, and a study of convergence has many. "
                f"Received: {name}={value:g}. Plan one of them: layerlock "
                "pretrain."
            )
    config, pairs = choose(config)
    trunk = trunk_config(config, pairs).resolve()
    flops = costs.count(trunk, method.build(trunk)).flops
    steps = config.training.steps
    for layer, step in pairs:
        run = branch_config(config, layer, step).resolve()
        frozen = costs.count(run, method.build(run)).stages[-1]
        flops += (steps - step) * frozen.step_flops
    line = (
        f"One run of {steps} steps and {len(pairs)} from its checkpoints: "
        f"{wording.scaled(flops, 'FLOPs')}."
    )
    counted = {"name": "convergence plan", "pairs": pairs, "flops": flops}
    return Plan(config.resolve(), [line], counted)


convergence = Job(
    "convergence",
    ConvergenceConfig,
    start,
    plan,
    """Measures when layers converge, and can be frozen.

    Trains a masked auto-encoder once without a freeze, and from its
    checkpoints once more for every pair of `layers` and `freeze_at`: layers up
    to L are frozen at step T, and the run continues to its end, predicting
    pixels. Draws the final loss over T, a line for every L, and prints the
    schedule that follows: for every L the first T from which on freezing costs
    no more than `tolerance`. `convergence.png` and `convergence.json` are
    written to `run_dir`. A complete run there is not repeated, and one that
    was stopped continues; runs of other options, or of another backend, are
    refused.

    LayerLock (arXiv 2509.10156), section 3.1 and Figure 1.

    Args:
        config: a `ConvergenceConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `run_dir` must be set, unless
            `quick` is.

    Returns:
        A dict: `losses`, `safe` and `flags`, as in `convergence.json`; or
        with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other.
        JobError: if a run does not come to its end.

    Example:

    ```python
    summary = layerlock.convergence(quick=True)
    print(summary["safe"])
    ```
    """,
)
