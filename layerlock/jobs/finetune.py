"""Trains an encoder and a readout end to end on a labelled task."""

import contextlib
import sys
import time

from layerlock.config import FinetuneConfig, OptionError, components
from layerlock.core.freezing.learning_rate import WarmupCosine
from layerlock.data.names import readable
from layerlock.evaluation import encoders, finetuning, probes
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.jobs.judging import costs, results, tasks
from layerlock.report import canvas, templates
from layerlock.runs.callbacks import trace

# Arguments of a readout's own training, and the options of the job.
_OF_THE_JOB = {
    "steps": "steps",
    "batch_size": "batch_size",
    "learning_rates": "learning_rate",
    "weight_decay": "weight_decay",
}


def start(config: FinetuneConfig):
    """Checks a configuration; returns what trains the encoder."""
    probes.require_scikit_learn()
    canvas.require_matplotlib()
    templates.require_jinja2()
    config, encoder, task, schedule, readout = build(config)
    training = config.training
    optimizer = finetuning.adamw(
        encoder,
        WarmupCosine(
            training.learning_rate, training.steps, training.warmup_steps
        ),
        training.weight_decay,
        training.layer_decay,
        training.gradient_clip,
    )
    out = tasks.check_folder(config)
    trace.check_folder(config.results.trace)

    def save():
        encoder.save_to_preset(out / "encoder")
        print(f"Encoder: {readable(out / 'encoder')}", flush=True)

    def work() -> results.Judgement:
        print(tasks.describe_clips(task, config))
        for sentence in task.problems:
            print(f"Note: {sentence}")
        started = time.monotonic()
        recorded = config.results.trace
        with tasks.made(out), contextlib.ExitStack() as ending:
            traces = [trace.Trace(recorded)] if recorded else []
            for one in traces:
                ending.callback(one.close)
            try:
                result = finetuning.finetune(
                    encoder,
                    task,
                    readout,
                    optimizer,
                    schedule,
                    steps=training.steps,
                    batch_size=training.batch_size,
                    validate_every=training.validate_every,
                    seed=config.task.seed,
                    verbose=int(sys.stdout.isatty()),
                    on_trial=results.show_trial,
                    on_trained=save,
                    callbacks=traces,
                )
            except ValueError as error:
                raise JobError(str(error)) from error
            if readout.note:
                print(f"Note: {readout.note}")
            return results.write(
                "finetune.json",
                config,
                encoder,
                task,
                result,
                time.monotonic() - started,
                "fine-tuning",
                flags=config.recorded,
                history=result.trials,
            )

    return work


def build(config: FinetuneConfig):
    """The resolved configuration, and what it names, checked."""
    config = config.resolve()
    _check_arguments(config)
    encoder = encoders.load(
        config.encoder.encoder, config.task.seed, config.encoder.student
    )
    finetuning.check_encoder(encoder)
    schedule = config.freezing.build(config)
    task = tasks.build_task(config, encoder)
    readout = finetuning.check(
        encoder,
        task,
        components.build(config, "readout", seed=config.task.seed),
        schedule,
        config.training.batch_size,
    )
    return config, encoder, task, schedule, readout


def _check_arguments(config: FinetuneConfig):
    """Raises if the readout has arguments that would have no effect."""
    given = components.own_arguments(config, "readout")
    for name, option in _OF_THE_JOB.items():
        if name not in given or (name == "steps" and given[name] == 0):
            continue  # no steps: a stored readout is the start as it is
        raise OptionError(
            f"`{name}` in `readout_args` has no effect: the readout is trained "
            f"together with the encoder. Received: {name}={given[name]}. Leave "
            f"it out there, and set `{option}` of the job."
        )


def plan(config: FinetuneConfig) -> Plan:
    """The cost of the encoder's steps; the readout's own is left out."""
    config, encoder, task, schedule, _ = build(config)
    lines, facts = costs.of_finetuning(encoder, task, schedule, config.training)
    return Plan(config, lines, facts)


finetune = Job(
    "finetune",
    FinetuneConfig,
    start,
    plan,
    """Trains an encoder and a readout end to end on a labelled task.

    Lower blocks learn more slowly (layer-wise learning-rate decay, arXiv
    2003.10555), or freeze one after the other with `schedule`. The supervised
    reference is `encoder="random:PRESET"`. The validation split selects
    nothing: the last step is measured on the test split, with a 95 %
    bootstrap interval. `encoder/`, `finetune.json`, `answers.csv` and
    `report.html` are written to `out`.

    Args:
        config: a `FinetuneConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `encoder` must be set.

    Returns:
        `Judgement`, or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, or the encoder.
        JobError: if the loss is not finite.

    Example:

    ```python
    judgement = layerlock.finetune(encoder="runs/b", steps=200)
    print(judgement.metrics["top1"]["value"])
    ```
    """,
)
