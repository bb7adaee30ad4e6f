"""Pre-trains a video encoder, freezing its layers in the order of their depth.

LayerLock (arXiv 2509.10156), section 3.
"""

import functools

from layerlock import backends, runs
from layerlock.backends.contract import ProcessLost
from layerlock.config import PretrainConfig
from layerlock.data.persistence import ReadingError
from layerlock.data.streams import DecodingError
from layerlock.interruption import Interruption
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.jobs.pretraining import (
    building,
    callbacks,
    costs,
    ending,
    inputs,
    method as methods,
    plan_text,
    processes,
    remat_plan,
    run_folder,
)
from layerlock.jobs.pretraining.run import PretrainedRun
from layerlock.runs import checkpoints, contents, lock, trackers
from layerlock.runs.callbacks.non_finite_loss import NonFiniteLossError
from layerlock.runs.callbacks.trace import check_folder


def start(config: PretrainConfig):
    """Checks a configuration and builds the run; returns what trains it."""
    building.check_libraries()
    explicit_track = "track" in config.run.given
    processes.start(config)
    with processes.abandoned_on_error(), processes.quiet():
        config = run_folder.recall(config).resolve()
        processes.check(config)
        method = methods.build(config)
        folder = run_folder.choose_folder(config)
        check_folder(config.run.trace)
        clips = inputs.open_clips(config, folder)
        with building.distributed(config):
            model = building.build(config, method)
        with run_folder.explained_disk_errors(config, folder):
            run = run_folder.open_run(config, folder, clips)
    return functools.partial(
        train, config, method, run, clips, model, explicit_track
    )


def train(
    config, method, run, clips, model, explicit_track: bool = True
) -> PretrainedRun:
    """Trains, and writes the report.

    Args:
        config: `PretrainConfig`, resolved.
        method: its `Method`.
        run: `runs.RunDirectory`.
        clips: `inputs.Clips`.
        model: the compiled `MaskedPretraining`.
        explicit_track: bool, whether trackers were chosen.

    Raises:
        JobError: with the reason why the run ended before its last step, if
            it did. If it had begun to train, its report is written.
    """
    try:
        with (
            processes.abandoned_on_error(),
            run_folder.explained_disk_errors(config, run.path),
            building.distributed(config),
            runs.Progress(processes.stream()) as progress,
            Interruption(processes.signals()) as interruption,
        ):
            failure = _train(
                config,
                method,
                run,
                clips,
                model,
                explicit_track,
                progress,
                interruption,
            )
    finally:
        lock.release(run.path)
    if failure:
        raise JobError(failure, ending.status(interruption))
    return PretrainedRun(run.path)


def _train(
    config, method, run, clips, model, explicit_track, progress, interruption
) -> str | None:
    parts = callbacks.build(config, method, model, run, clips, progress)
    parts.snapshots.interruption = interruption
    step, first_step = 0, None
    if config.run.resume:
        try:
            step = resume(config, run, model, parts, progress)
        except (ValueError, OSError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # of the disk
            backends.abandon()
            return str(error)
        first_step = step + 1
    try:
        parts.log.trackers = _start_trackers(config, run, first_step, progress)
    except ValueError as error:
        return f"{error} Then go on with `resume`."
    if not explicit_track and not config.run.track:
        progress.message(
            "No TensorBoard files are written, as tensorboardX is not "
            'installed. To have them: pip install "layerlock[report]"'
        )
    failure = None
    with parts.log.trackers as tracked:
        if step < config.training.steps:
            progress.message(
                f"Training {run.path}. Backends that compile take seconds for "
                "the first step, and minutes for that of a large network."
            )
            failure = fit(config, run, model, clips.source, parts, interruption)
        if method.schedule.is_adaptive:
            run_folder.keep_schedule(config, run, method.schedule, progress)
        files = clips.files()
        if files:  # with the reads that failed while training
            run.write_files(files)
        if run.is_writer:
            progress.message(run_folder.write_report(run))
        tracked.attach_report(run.report_path)
        tracked.close(ending.status(interruption) if failure else 0)
    backends.barrier()  # the first process may still be writing
    return failure and failure + ending.put_back(config, interruption)


def _start_trackers(config, run, first_step, progress) -> trackers.Trackers:
    """Starts the trackers in the process that writes; the others have none."""
    started = processes.only_first(
        lambda: trackers.start(
            list(config.run.track), run, first_step, progress.message
        )
    )
    return started or trackers.Trackers()


def fit(config, run, model, source, parts, interruption) -> str | None:
    """Trains to the last step; returns why it ended before, if it did."""
    batches = parts.log.stopwatch.timed(
        inputs.batches(
            config,
            source,
            int(model.batches_seen.numpy()),
            parts.log.progress.message,
        )
    )
    try:
        model.fit(batches, shuffle=False, verbose=0, callbacks=parts.in_order)
    except NonFiniteLossError as error:  # in all processes
        parts.snapshots.wait()
        return str(error)
    except ProcessLost as error:
        backends.abandon()
        return str(error)
    except Exception:
        backends.abandon()
        unread = parts.log.stopwatch.error
        if isinstance(unread, (DecodingError, ReadingError)):
            return f"{unread} Then `resume` goes on from the newest checkpoint."
        raise
    except KeyboardInterrupt:
        backends.abandon()
        return (
            "interrupted. `resume` goes on from the newest checkpoint, if "
            "there is one."
        )
    finally:
        batches.close()
        parts.close()
        if backends.process_count() == 1:
            parts.snapshots.wait()
    if parts.snapshots.counter.step < config.training.steps:
        step = parts.snapshots.counter.step
        ended = ending.early(config, run, interruption, step)
        if ended:
            return ended
    verdict, step = parts.monitors.judge.verdict, parts.monitors.step
    if config.run.on_collapse == "stop" and verdict.is_fatal:
        return f"{verdict.label} at step {step}. {verdict.reason}"
    return None


def resume(config, run, model, parts, progress) -> int:
    """Goes on from the newest whole checkpoint; returns its step."""
    found = processes.first(lambda: _newest(run))
    if found is None:
        progress.message("No checkpoint yet: starting from step 0.")
        run.drop_metrics_after(0)
        run.add_resume(0, **run_folder.differences(config, run))
        return 0
    name, state, damaged = found
    checkpoint = run.checkpoints_path / name
    for sentence in damaged:
        progress.message(f"{sentence} Falling back.")
    contents.check_state(state, checkpoint)
    parts.lock.scheduler.freeze(state["frozen_layers"])
    checkpoints.load_weights(checkpoint, model)
    parts.lock.events = [tuple(event) for event in state["events"]]
    try:
        parts.restore(state, checkpoints.read_arrays(checkpoint))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"{checkpoint} holds the state of another run, or is damaged: "
            f"{error!r}. Remove it to resume from an earlier checkpoint."
        ) from error
    run.drop_metrics_after(state["step"])
    lost = run_folder.lost_lines(config, run, state["step"])
    if lost:
        progress.message(lost)
    run.add_resume(state["step"], **run_folder.differences(config, run))
    if run.is_writer:
        checkpoints.tidy(
            run.checkpoints_path, state["step"], config.run.keep_checkpoints
        )
    parts.snapshots.set_model(model)
    parts.snapshots.export(state["step"])  # a kill may have come in between
    parts.snapshots.wait()
    progress.message(f"Resumed from {checkpoint.name}.")
    return state["step"]


def _newest(run) -> tuple | None:
    """Name, state and damage of the newest checkpoint; `None` if none."""
    checkpoints.recover(run.checkpoints_path)
    if not checkpoints.find(run.checkpoints_path):
        return None
    checkpoint, *facts = checkpoints.read_newest(run.checkpoints_path)
    return checkpoint.name, *facts


def plan(config: PretrainConfig) -> Plan:
    """What a run costs: FLOPs and memory of every stage."""
    config = run_folder.recall(config).resolve()
    method = methods.build(config)
    if config.run.resume:
        run_folder.choose_folder(config)  # compares, and writes nothing
    if method.schedule.is_adaptive:
        return Plan(config, [costs.UNKNOWN], {})
    counted = costs.count(config, method)
    compiles = building.jit_compile(config)
    lines = [
        costs.heading(config, counted),
        costs.table(counted),
        plan_text.compilation(config.encoder.jit_compile, compiles),
    ]
    found = {**costs.as_json(counted), "jit_compile": compiles}
    remat_plan.add(config, method, lines, found)
    plan_text.add(config, counted, lines, found)
    return Plan(config, lines, found)


pretrain = Job(
    "pretrain",
    PretrainConfig,
    start,
    plan,
    """Pre-trains a video encoder; returns the run.

    Without options: a small encoder on procedural clips, a few minutes on two
    CPU cores, four freezes. Every default that depends on other options is
    written to `config.json` of the run directory.

    LayerLock (arXiv 2509.10156), section 3.

    Args:
        config: a `PretrainConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options.

    Returns:
        `PretrainedRun`, or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, the clips or the backend.
        JobError: if the run ends before its last step.

    Example:

    ```python
    run = layerlock.pretrain(steps=60, run_dir="runs/b")
    print(run.metrics[-1]["loss"])
    ```
    """,
)
