"""Pre-trains a video encoder, freezing its layers in the order of their depth.

    KERAS_BACKEND=jax python recipes/pretrain.py --run_dir=runs/scenes
    KERAS_BACKEND=torch python recipes/pretrain.py --data=/videos --fps=8

LayerLock (arXiv 2509.10156), section 3. Without arguments: a small encoder on
procedural clips, a few minutes on two CPU cores, four freezes. Every default
that depends on other flags is written to config.json of the run directory.
"""

import sys

import keras
from absl import flags

from common import callbacks, options, parts, settings
from layerlock import runs
from layerlock.core import checkpoints
from layerlock.data import pipeline
from layerlock.runs import report, tensorboard
from layerlock.runs.breakdown import BrokenLossError

FLAGS = flags.FlagValues()
options.define_method(FLAGS)
options.define_freezing(FLAGS)
options.define_network(FLAGS)
options.define_data(FLAGS)
options.define_training(FLAGS)
options.define_run(FLAGS)


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        chosen = settings.resolve(FLAGS)
        method = settings.method(chosen)
        run, source = parts.open_run(chosen)
        validation = parts.open_validation(chosen)
    except (ValueError, OSError) as error:
        sys.exit(f"pretrain: {error}")
    pretrain(chosen, method, run, source, validation)


def pretrain(chosen, method, run, source, validation):
    """Trains, and writes the report.

    Args:
        chosen: dict, every flag with its value; see `settings.resolve`.
        method: `settings.Method`.
        run: `runs.RunDirectory`.
        source: `data.VideoSource` of the training clips.
        validation: uint8 clips for the held-out loss, or `None`.
    """
    parts.distribute(chosen)
    keras.utils.set_random_seed(chosen["seed"])
    model = parts.build_model(chosen, method)
    model.compile(optimizer=parts.build_optimizer(chosen, method.learning_rate))
    with runs.Progress() as progress:
        used = callbacks.build(
            chosen, method, model, run, source, validation, progress
        )
        step = resume(run, model, used, progress) if chosen["resume"] else 0
        used.log.scalars = tensorboard.scalar_writer(
            run.tensorboard_path, purge_step=step + 1 if step else None
        )
        failure = None
        if step < chosen["steps"]:
            failure = fit(chosen, model, source, used)
        used.log.scalars.close()
        if method.schedule.grows:
            parts.keep_schedule(run, method.schedule, progress)
        files = parts.describe_files(source)
        if files:  # with the reads that failed while training
            run.write_files(files)
        progress.message(f"Report: {report.write(run.path)}")
    if failure:
        sys.exit(f"pretrain: {failure}")


def fit(chosen, model, source, used) -> str | None:
    """Trains to the last step; returns why it ended before, if it did."""
    batches = pipeline.batches(
        source,
        chosen["batch_size"],
        seed=chosen["seed"],
        first_batch=int(model.batches_seen.numpy()),
        num_workers=chosen["workers"],
    )
    try:
        model.fit(batches, shuffle=False, verbose=0, callbacks=used.in_order)
    except BrokenLossError as error:
        return str(error)
    finally:
        batches.close()
    verdict, step = used.monitors.judge.verdict, used.monitors.step
    if chosen["on_collapse"] == "stop" and verdict.is_fatal:
        return f"{verdict.label} at step {step}. {verdict.reason}"
    return None


def resume(run, model, used, progress) -> int:
    """Goes on from the newest whole checkpoint; returns its step."""
    if not checkpoints.find(run.checkpoints_path):
        progress.message("No checkpoint yet: starting from step 0.")
        run.drop_metrics_after(0)
        return 0
    checkpoint, state, damaged = checkpoints.read_newest(run.checkpoints_path)
    for sentence in damaged:
        progress.message(f"{sentence} Falling back.")
    used.lock.scheduler.freeze(state["frozen_layers"])
    checkpoints.load_weights(checkpoint, model)
    used.lock.events = [tuple(event) for event in state["events"]]
    used.restore(state, checkpoints.read_arrays(checkpoint))
    run.drop_metrics_after(state["step"])
    run.add_resume(state["step"])
    progress.message(f"Resumed from {checkpoint.name}.")
    return state["step"]


if __name__ == "__main__":
    main(sys.argv)
