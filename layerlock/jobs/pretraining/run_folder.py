"""The run directory of a pre-training run: its start, a resume, its end."""

import contextlib
import datetime
import os
import pathlib
import shlex

import keras

import layerlock
from layerlock import backends, disk, json_files, report, runs
from layerlock.config import OptionError, PretrainConfig, facts
from layerlock.config.configuration import recorded
from layerlock.config.devices import DevicesConfig
from layerlock.jobs.pretraining import processes, teachers
from layerlock.models import presets
from layerlock.runs import checkpoints, configuration, directory, lock
from layerlock.runs.followed import FollowedRun

FREE = tuple(
    name
    for name, option in PretrainConfig.options().items()
    if option.may_change
)

# Weights come from the checkpoint: a folder of the same sizes will do.
_FREE_AT_RESUME = (*FREE, "init_from")
_OF_A_START = (
    *("resume", "requeue", "run_dir", "plan"),
    *DevicesConfig.OF_PROCESS,
)


def recall(config: PretrainConfig) -> PretrainConfig:
    """Sets every option that was not set to the value that the run began with.

    Args:
        config: as it was given; returned as it is unless it asks to resume.

    Returns:
        A configuration whose `resume` is true or false.
    """
    path = config.run.run_dir
    if config.run.resume == "auto" or (config.run.requeue and path):
        if path is None:
            raise OptionError(
                "`resume=auto` needs the `run_dir` to go on with or to start."
            )
        is_run = (pathlib.Path(path) / "config.json").is_file
        config = config.but(resume=processes.first(is_run))
    if not config.run.resume or path is None:
        return config
    run = runs.RunDirectory.open(path)
    json_files.check(
        run.config, {}, run.config_path, required=("flags", "backend")
    )
    began_with = with_later_options(run.config["flags"])
    known = config.options()
    given = {name: recorded(value) for name, value in config.given.items()}
    configuration.compare_config(
        {"flags": {name: began_with.get(name) for name in given}},
        {"flags": given},
        _FREE_AT_RESUME,
    )
    options = {
        name: value
        for name, value in began_with.items()
        if name in known
        and name not in _OF_A_START
        and value != known[name].default
        and not is_instance(value)
    }
    distribution = began_with.get("distribution")
    if config.given.get("distribution", distribution) != distribution:
        options.pop("mesh", None)  # The shape of the other distribution.
    return config.of(**{**options, **config.given})


def with_later_options(began_with: dict) -> dict:
    """Options of a run as this version has them, those that came after too."""
    options = PretrainConfig.options()
    defaults = {
        name: option.default
        for name, option in options.items()
        if option.rule is None
    }
    return defaults | {
        name: options[name].current(value) if name in options else value
        for name, value in began_with.items()
    }


def choose_folder(config: PretrainConfig) -> pathlib.Path:
    """The run directory: free for a new run, holding one for a resume."""
    path = config.run.run_dir
    if config.run.resume:
        if path is None:
            raise OptionError("`resume` needs the `run_dir` to go on with.")
        run = runs.RunDirectory.open(path)
        teachers.check_same(run, config)
        began_with = with_later_options(run.config.get("flags", {}))
        configuration.compare_config(
            run.config | {"flags": began_with},
            describe(config),
            _FREE_AT_RESUME,
        )
        _check_first_weights(run, began_with, config)
        return run.path
    if path is None:
        path = processes.first(_new_name)
        print(f"Run directory: {path}")
    processes.only_first(lambda: directory.check_free(path))
    return pathlib.Path(path)


def _check_first_weights(run, began_with: dict, config: PretrainConfig):
    """Raises if a run without a checkpoint would start from other weights.

    Args:
        run: its `RunDirectory`.
        began_with: its options.
        config: resolved.
    """
    before, now = began_with.get("init_from"), config.encoder.init_from
    if before == now or checkpoints.find(run.checkpoints_path):
        return
    if before and now:
        places = [pathlib.Path(place).absolute() for place in (before, now)]
        # A folder that is gone was moved.
        if not places[0].exists() or places[0].samefile(places[1]):
            return
    raise OptionError(
        f"{run.path} has no checkpoint yet, so it starts again from its first "
        f"weights. It began with init_from={before}. Received: "
        f"init_from={now}. Leave `init_from` out, or start a new run in "
        "another `run_dir`."
    )


def _new_name() -> str:
    now = datetime.datetime.now()
    return os.path.join("runs", now.strftime("%Y-%m-%d_%H-%M-%S"))


def open_run(config: PretrainConfig, folder, clips) -> runs.RunDirectory:
    """Creates the run directory, or opens it to go on; locks it.

    The first process does so, and the others follow.
    """
    run = processes.only_first(lambda: _open_run(config, folder, clips))
    began_with = processes.first(lambda: run.config)
    return run or FollowedRun(folder, began_with)


def _open_run(config, folder, clips):
    folder.mkdir(parents=True, exist_ok=True)
    lock.hold(folder)
    if not config.run.resume:
        # Another job may have begun there while this one looked at clips.
        return runs.RunDirectory.create(folder, describe(config), clips.files())
    run = runs.RunDirectory.resume(folder)
    for sentence in configuration.changed_versions(
        run.config, describe(config)
    ):
        print(f"Note: {sentence} Results may differ in their last bits.")
    return run


@contextlib.contextmanager
def explained_disk_errors(config, folder):
    """Makes errors of the disk of a run say how to go on with it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, disk.DiskError) or error.errno not in disk.ADVICE:
            raise
        file = error.filename or os.fspath(folder)
        if (
            not pathlib.Path(file)
            .absolute()
            .is_relative_to(pathlib.Path(folder).absolute())
        ):
            raise
        command = processes.resume_command(config, folder)
        raise disk.explained(
            error,
            "go on with the run, of which nothing that was saved is lost: "
            f"{command}"
            if (pathlib.Path(folder) / "config.json").exists()
            else f"start again. Nothing was written to {folder} yet.",
        ) from error


def differences(config: PretrainConfig, run) -> dict:
    """What is not as it was at the start of the run that goes on."""
    now = describe(config)
    return {
        name: now[name]
        for name in ("command", "versions", "devices", "git_revision")
        if now.get(name) != run.config.get(name)
    }


def describe(config: PretrainConfig) -> dict:
    """What config.json says about a run that starts now."""
    arguments = facts.encoder_arguments(config)
    teacher = teachers.reference(config)
    return configuration.describe_run(
        config.recorded,
        keras.backend.backend(),
        {
            "layerlock": layerlock.__version__,
            "keras": keras.__version__,
            **backends.versions(),
        },
        backends.devices(),
        model={
            "num_layers": arguments["num_layers"],
            "num_parameters": presets.num_parameters(**arguments),
        },
        **({"teacher": teacher} if teacher else {}),
    )


def lost_lines(config: PretrainConfig, run, step: int) -> str | None:
    """Says which lines the log lacks before a step, if any."""
    lines = run.read_metrics()
    last = lines[-1]["step"] if lines else 0
    every = config.run.log_every
    if last >= step // every * every:
        return None
    return (
        f"{run.metrics_path} has no lines of steps {last + 1} to {step}: "
        "something has cut it off. The run goes on; its report lacks them."
    )


def is_instance(value) -> bool:
    """Whether config.json holds the instance of a plug-in there."""
    return isinstance(value, dict) and value.keys() == {"class", "config"}


def keep_schedule(config: PretrainConfig, run, schedule, progress):
    """Writes the events of an adaptive schedule, as flags that repeat them.

    The mini warm-up is one of them: its default depends on the events.
    """
    events = schedule.to_piecewise().get_config()["events"]
    options = {"schedule": "piecewise", "schedule_args": {"events": events}}
    if events:
        options["mini_warmup_steps"] = config.freezing.mini_warmup_steps
    arguments = PretrainConfig.of(**options).arguments()
    flags = shlex.join(arguments)
    run.write_schedule(events, flags)
    progress.message(f"Layers froze by themselves; to repeat it: {flags}")


def write_report(run) -> str:
    """Writes the report; returns what to say about it."""
    try:
        return f"Report: {report.write(run.path)}"
    except ImportError as error:
        backend = keras.backend.backend()
        return (
            f"No report: {error}. Then: KERAS_BACKEND={backend} python -m "
            f"layerlock.report {run.path}"
        )
    except ValueError as error:  # a damaged file; the run itself is whole
        return f"No report: {error}"
