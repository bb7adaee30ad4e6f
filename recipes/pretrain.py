"""Pre-trains a video encoder, freezing its layers in the order of their depth.

    KERAS_BACKEND=jax python recipes/pretrain.py --run_dir=runs/scenes
    KERAS_BACKEND=torch python recipes/pretrain.py --data=/videos --fps=8

LayerLock (arXiv 2509.10156), section 3. Without arguments: a small encoder on
procedural clips, a few minutes on two CPU cores, four freezes. Every default
that depends on other flags is written to config.json of the run directory.
"""

import sys

from common import (
    building,
    callbacks,
    inputs,
    methods,
    options,
    pretraining_options,
    run_folder,
    settings,
)

from absl import flags

from layerlock import backends, runs
from layerlock.runs import checkpoints, trackers
from layerlock.runs.callbacks.non_finite_loss import NonFiniteLossError

FLAGS = flags.FlagValues()
pretraining_options.define(FLAGS)


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        building.check_libraries()
        run_folder.recall(FLAGS)
        chosen = settings.resolve(FLAGS)
        method = methods.build(chosen)
        folder = run_folder.choose_folder(chosen)
        clips = inputs.open_clips(chosen, folder)
        model = build(chosen, method)
        run = run_folder.open_run(chosen, folder, clips)
    except (ValueError, TypeError, OSError, ImportError) as error:
        sys.exit(f"pretrain: {error}")
    failure = pretrain(chosen, method, run, clips, model)
    if failure:
        sys.exit(f"pretrain: {failure}")


def build(chosen, method):
    """The model that is trained, with its optimizer."""
    building.cache_programs(chosen)
    building.distribute(chosen)
    backends.set_random_seed(chosen["seed"])
    model = building.build_model(chosen, method)
    jit_compile = chosen["jit_compile"]
    model.compile(
        optimizer=building.build_optimizer(chosen, method.learning_rate),
        jit_compile="auto" if jit_compile is None else jit_compile,
    )
    return model


def pretrain(chosen, method, run, clips, model) -> str | None:
    """Trains, and writes the report.

    Args:
        chosen: dict, every flag with its value; see `settings.resolve`.
        method: `methods.Method`.
        run: `runs.RunDirectory`.
        clips: `inputs.Clips`.
        model: the compiled `MaskedPretraining`.

    Returns:
        Why the run ended before its last step, if it did.
    """
    with runs.Progress() as progress:
        used = callbacks.build(chosen, method, model, run, clips, progress)
        step, first_step = 0, None
        if chosen["resume"]:
            try:
                step = resume(chosen, run, model, used, progress)
            except (ValueError, OSError) as error:
                return str(error)
            first_step = step + 1
        try:
            used.log.trackers = trackers.start(
                chosen["track"], run, first_step, progress.message
            )
        except ValueError as error:
            return f"{error} Then go on with --resume."
        if not FLAGS["track"].present and not trackers.default_names():
            progress.message(
                "No TensorBoard files are written, as tensorboardX is not "
                'installed. To have them: pip install "layerlock[report]"'
            )
        failure = None
        if step < chosen["steps"]:
            progress.message(
                f"Training {run.path}. Backends that compile take seconds for "
                "the first step, and minutes for that of a large network."
            )
            failure = fit(chosen, model, clips.source, used)
        if method.schedule.is_adaptive:
            run_folder.keep_schedule(chosen, run, method.schedule, progress)
        files = clips.files()
        if files:  # with the reads that failed while training
            run.write_files(files)
        progress.message(run_folder.write_report(run))
        used.log.trackers.attach_report(run.report_path)
        used.log.trackers.close()
    return failure


def fit(chosen, model, source, used) -> str | None:
    """Trains to the last step; returns why it ended before, if it did."""
    batches = used.log.stopwatch.timed(
        inputs.batches(chosen, source, int(model.batches_seen.numpy()))
    )
    try:
        model.fit(batches, shuffle=False, verbose=0, callbacks=used.in_order)
    except NonFiniteLossError as error:
        return str(error)
    except KeyboardInterrupt:
        return (
            "interrupted. --resume goes on from the newest checkpoint, if "
            "there is one."
        )
    finally:
        batches.close()
    verdict, step = used.monitors.judge.verdict, used.monitors.step
    if chosen["on_collapse"] == "stop" and verdict.is_fatal:
        return f"{verdict.label} at step {step}. {verdict.reason}"
    return None


def resume(chosen, run, model, used, progress) -> int:
    """Goes on from the newest whole checkpoint; returns its step."""
    if not checkpoints.find(run.checkpoints_path):
        progress.message("No checkpoint yet: starting from step 0.")
        run.drop_metrics_after(0)
        run.add_resume(0, **run_folder.differences(chosen, run))
        return 0
    checkpoint, state, damaged = checkpoints.read_newest(run.checkpoints_path)
    for sentence in damaged:
        progress.message(f"{sentence} Falling back.")
    used.lock.scheduler.freeze(state["frozen_layers"])
    checkpoints.load_weights(checkpoint, model)
    used.lock.events = [tuple(event) for event in state["events"]]
    used.restore(state, checkpoints.read_arrays(checkpoint))
    run.drop_metrics_after(state["step"])
    run.add_resume(state["step"], **run_folder.differences(chosen, run))
    used.snapshots.set_model(model)
    used.snapshots.export(state["step"])  # a kill may have come in between
    progress.message(f"Resumed from {checkpoint.name}.")
    return state["step"]


if __name__ == "__main__":
    main(sys.argv)
