"""Judges a frozen encoder by what a small network reads from its features.

LayerLock (arXiv 2509.10156), section 4.
"""

import contextlib
import pathlib
import sys
import time

import keras

from layerlock import evaluation
from layerlock.config import OptionError, ProbeConfig, components
from layerlock.config.tracing import check_trace
from layerlock.evaluation import encoders, probes, probing
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.jobs.judging import costs, results, tasks
from layerlock.report import templates
from layerlock.runs.callbacks import trace


def start(config: ProbeConfig):
    """Checks a configuration; returns what probes the encoder."""
    probes.require_scikit_learn()
    templates.require_jinja2()
    config, encoder, layer, task, readout = build(config)
    out = pathlib.Path(config.results.out)
    trace.check_folder(config.results.trace)

    def work() -> results.Judgement:
        print(tasks.describe_clips(task, config))
        for sentence in task.problems:
            print(f"Note: {sentence}")
        started = time.monotonic()
        recorded = config.results.trace
        with tasks.made(out) as folder, contextlib.ExitStack() as ending:
            traces = [trace.Trace(recorded)] if recorded else []
            for one in traces:
                ending.callback(one.close)
            try:
                result = evaluation.probe(
                    encoder,
                    task,
                    readout,
                    layer,
                    folder,
                    max_bytes=config.readout.cache_gigabytes * 1e9,
                    progress=Progress(),
                    print_fn=print,
                    on_trial=results.show_trial,
                    callbacks=traces,
                )
            except ValueError as error:
                raise JobError(str(error)) from error
            if result.probe.note:
                print(f"Note: {result.probe.note}")
            return results.write(
                "probe.json",
                config,
                encoder,
                task,
                result,
                time.monotonic() - started,
                "probe",
                readout_args=result.probe.get_config(),
                trials=result.trials,
            )

    return work


def build(config: ProbeConfig) -> tuple:
    """The resolved configuration, and what it names, checked.

    Returns:
        The configuration, the encoder, the number of the layer, the task, and
        the readout.
    """
    config = config.resolve()
    encoder = encoders.load(
        config.encoder.encoder, config.task.seed, config.encoder.student
    )
    layer = encoders.layer_number(encoder, config.encoder.block)
    readout = components.build(
        config,
        "readout",
        seed=config.task.seed,
        verbose=int(sys.stdout.isatty()),
    )
    _check_layer(readout, encoder, layer)
    _check_trace(config.results.trace, readout)
    task = tasks.build_task(config, encoder)
    evaluation.check(readout, task, encoder)
    tasks.check_folder(config)
    return config, encoder, layer, task, readout


def _check_layer(readout, encoder, layer: int):
    """Raises if a stored readout was trained on another layer."""
    chosen = encoder.layer_names[layer]
    if readout.trained_on not in (None, chosen):
        raise OptionError(
            f"The stored readout was trained on {readout.trained_on!r}. "
            f"Received: a layer that is {chosen!r}. Pass "
            f"`layer={readout.trained_on.removeprefix('block_')}`."
        )


def _check_trace(folder: str | None, readout):
    """Raises if the readout has no training steps, or too few for a trace."""
    if folder is None:
        return
    probing.check_trained(readout)
    if readout.steps is not None:  # else it has enough by default
        check_trace(folder, readout.steps)


class Progress:
    """A bar for each split's pass through the encoder."""

    def __init__(self):
        self.split = None

    def __call__(self, split, done, total):
        if split != self.split:
            self.split = split
            print(f"Features of the {split} split: {total} examples")
            self.bar = keras.utils.Progbar(total)
        if sys.stdout.isatty():
            self.bar.update(done)


def plan(config: ProbeConfig) -> Plan:
    """The cost of the features; the readout's own is left out."""
    config, encoder, layer, task, _ = build(config)
    return Plan(config, *costs.of_features(encoder, task, layer))


probe = Job(
    "probe",
    ProbeConfig,
    start,
    plan,
    """Judges a frozen encoder by a readout on its features.

    Settings of the readout are chosen by a validation split. Scores are
    measured on the test split, with a 95 % bootstrap interval. `probe.json`,
    `answers.csv` and `report.html` are written to `out`.

    LayerLock (arXiv 2509.10156), section 4.

    Args:
        config: a `ProbeConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `encoder` must be set.

    Returns:
        `Judgement`, or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, or the encoder.
        JobError: if the probe cannot be fitted.

    Example:

    ```python
    judgement = layerlock.probe(encoder="runs/b", task="scenes_motion")
    print(judgement.metrics["top1"]["value"])
    ```
    """,
)
