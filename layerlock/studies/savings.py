"""What freezing saves: FLOPs, memory and time against a run without it.

LayerLock (arXiv 2509.10156), section 4.1 and Figure 3.
"""

import json
import pathlib

from layerlock.config import OptionError, SavingsConfig, facts
from layerlock.jobs.job import Job, Plan
from layerlock.jobs.pretraining import costs, method, plan_text, remat_plan
from layerlock.runs import writing
from layerlock.studies.figures import savings as figures
from layerlock.studies.series import training

# What says when layers freeze, and how.
FREEZING = (
    "schedule",
    "start_step",
    "interval",
    "layers_per_event",
    "max_frozen_layers",
    "schedule_args",
    "head_reset",
    "mini_warmup_steps",
)


def start(config: SavingsConfig):
    """Checks a configuration; returns what trains both runs."""
    config = training.check_study(config)
    if config.method.objective == "mae" and "target" not in config.method.given:
        config = config.but(target="pixels")
    figures.require_matplotlib()
    run_dir = pathlib.Path(config.run.run_dir)
    pair = {"never": unfrozen(config), "freezing": training.run_config(config)}
    for name, run in pair.items():
        schedule = method.build(run.resolve()).schedule
        if name == "freezing" and schedule.max_layers() == 0:
            raise OptionError(
                "A run without freezes is what the run is compared with. "
                f"Received: `schedule={config.freezing.schedule}`. Pass "
                "another schedule, or leave it out."
            )
        training.check(run, run_dir / name)

    def work() -> dict:
        never = training.train(pair["never"], run_dir / "never")
        freezing = training.train(pair["freezing"], run_dir / "freezing")
        ratios = figures.compare(freezing, never)
        writing.write_json(run_dir / "savings.json", ratios)
        figures.draw(freezing, never, run_dir / "savings.png")
        print(figures.table(ratios))
        print(f"Picture: {run_dir / 'savings.png'}")
        print(json.dumps(ratios))
        return ratios

    return work


def unfrozen(config: SavingsConfig):
    """The configuration of the run without a freeze."""
    options = dict.fromkeys(FREEZING)
    if config.method.objective == "mae":
        # A run that never freezes predicts pixels, whatever targets see.
        options["target_context"] = None
    return training.run_config(config, **{**options, "schedule": "never"})


def plan(config: SavingsConfig) -> Plan:
    """What a run of any size would cost, on clips that its preset is for."""
    is_set = {*config.data.given, *config.encoder.given}
    if not {"init_from", "data"} & is_set:
        sizes = facts.encoder_sizes(config.resolve().encoder)
        frames, size, _ = sizes["clip_shape"]
        if "frames" not in is_set:
            config = config.but(frames=frames)
        if "size" not in is_set:
            config = config.but(size=size)
    config = config.resolve()
    built = method.build(config)
    counted = costs.count(config, built)
    lines = [costs.heading(config, counted), costs.table(counted)]
    numbers = {**costs.as_json(counted), "name": "savings plan"}
    remat_plan.add_choice(config, built, lines, numbers)
    plan_text.add(config, counted, lines, numbers)
    return Plan(config, lines, numbers)


savings = Job(
    "savings",
    SavingsConfig,
    start,
    plan,
    """Compares the cost of training with freezes and without.

    Trains twice: once with layers that freeze, predicting pixels unless
    `target` is set, and once without. `savings.png` and `savings.json` are
    written to `run_dir`. A complete run there is not repeated, and one that
    was stopped continues; runs of other options, or of another backend, are
    refused.

    `plan` trains nothing: it counts the cost of a job of any size, with
    latent targets unless `target` is set. Clips have the shape of the preset,
    unless `data`, `frames` or `size` is set.

    LayerLock (arXiv 2509.10156), section 4.1 and Figure 3.

    Args:
        config: a `SavingsConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `run_dir` must be set.

    Returns:
        A dict of ratios, of the run with freezes over the other, or with
        `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other.
        JobError: if a run does not come to its end.

    Example:

    ```python
    ratios = layerlock.savings(steps=200, run_dir="runs/savings")
    print(ratios["ratio"])  # of the FLOPs
    ```
    """,
)
