"""The run directory of a pre-training run: its start, a resume, its end."""

import datetime
import pathlib
import shlex

from common import network

import keras

import layerlock
from layerlock import backends, report, runs
from layerlock.models import presets
from layerlock.runs import configuration, directory, lock

# What may differ when a run goes on: nothing that changes its numbers.
FREE = (
    "compilation_cache",
    "keep_checkpoints",
    "resume",
    "run_dir",
    "track",
    "workers",
)


def recall(values):
    """Gives every flag that was not given the value that the run began with.

    Args:
        values: the recipe's `absl.flags.FlagValues`, parsed.
    """
    if not values.resume or values.run_dir is None:
        return
    config = runs.RunDirectory.open(values.run_dir).config
    for name, value in config["flags"].items():
        known = name in values and name not in ("resume", "run_dir")
        if known and not values[name].present:
            values.set_default(name, value)


def choose_folder(chosen) -> pathlib.Path:
    """The run directory: free for a new run, holding one for a resume."""
    path = chosen["run_dir"]
    if chosen["resume"]:
        if path is None:
            raise ValueError("--resume needs the --run_dir to go on with.")
        run = runs.RunDirectory.open(path)
        configuration.compare_config(run.config, describe(chosen), FREE)
        return run.path
    if path is None:
        now = datetime.datetime.now()
        path = pathlib.Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")
        print(f"Run directory: {path}")
    directory.check_free(path)
    return pathlib.Path(path)


def open_run(chosen, folder, clips) -> runs.RunDirectory:
    """Creates the run directory, or opens it to go on; locks it."""
    if not chosen["resume"]:
        run = runs.RunDirectory.create(folder, describe(chosen), clips.files())
        lock.hold(folder)
        return run
    lock.hold(folder)
    run = runs.RunDirectory.resume(folder)
    for sentence in configuration.changed_versions(
        run.config, describe(chosen)
    ):
        print(f"Note: {sentence} Results may differ in their last bits.")
    return run


def differences(chosen, run) -> dict:
    """What is not as it was at the start of the run that goes on."""
    now = describe(chosen)
    return {
        name: now[name]
        for name in ("command", "versions", "devices", "git_revision")
        if now.get(name) != run.config.get(name)
    }


def describe(chosen) -> dict:
    """What config.json says about a run that starts now."""
    arguments = network.encoder_arguments(chosen)
    return configuration.describe_run(
        chosen,
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
    )


def keep_schedule(chosen, run, schedule, progress):
    """Writes the events that a run found, as flags that repeat it.

    The mini warm-up is one of them: its default depends on the events.
    """
    events = schedule.to_piecewise().get_config()["events"]
    text = str(events).replace(" ", "")
    quoted = shlex.quote(f"--schedule_args=events={text}")
    flags = f"--schedule=piecewise {quoted}"
    if events:
        flags += f" --mini_warmup_steps={chosen['mini_warmup_steps']}"
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
