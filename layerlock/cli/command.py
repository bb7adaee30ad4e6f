"""Runs a job from the command line."""

import io
import json
import multiprocessing
import os
import sys

import layerlock
from layerlock import commands, environment
from layerlock.cli import flags, text
from layerlock.config import OptionError
from layerlock.interruption import INTERRUPTED
from layerlock.jobs.job import Job, JobError, Plan

_ERRORS = (ValueError, TypeError, OSError, ImportError)


def main(argv: list[str] | None = None):
    """Runs `layerlock JOB --option=value ...`.

    Args:
        argv: program, job and flags. Defaults to those of the process.
    """
    argv = sys.argv if argv is None else argv
    name = argv[1] if len(argv) > 1 else "--help"
    if name in ("--help", "-h", "help"):
        print(text.overview())
        return
    if name == "--version":
        print(layerlock.__version__)
        return
    if name not in commands.NAMES:
        sys.exit(
            f"layerlock: unknown job {name!r}. Expected one of "
            f"{list(commands.NAMES)}. See layerlock --help."
        )
    check_environment(name)
    run(commands.find(name), argv[2:])


def run(job, arguments: list[str] | None = None, config=None, doc: str = ""):
    """Runs a job with flags; a recipe calls it with its configuration.

    Args:
        job: a `Job`, or the name of one.
        arguments: flags. Defaults to those of the process.
        config: configuration that the flags change. Defaults to `None`, the
            defaults of the job.
        doc: str, what `--help` begins with. Defaults to the job's docstring.

    Returns:
        What the job returns.
    """
    accept_any_name()
    if not isinstance(job, Job):
        check_environment(job)
        job = commands.find(job)
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"--help", "-h", "-help"} & set(arguments):
        print(text.help_page(job, doc))
        return None
    config = flags.read(job, arguments, config)
    note = environment.note()
    if note:
        print(note, file=sys.stderr)
    try:
        work = job.prepare(config)
    except _ERRORS as error:
        sys.exit(f"{job.name}: {flags.dashed(error, job)}")
    try:
        result = work()
    except (JobError, OptionError, OSError) as error:
        sentence = f"{job.name}: {flags.dashed(error, job)}"
        if getattr(error, "status", 1) == 1:
            sys.exit(sentence)
        print(sentence, file=sys.stderr)
        if error.status == INTERRUPTED:
            leave_at_once(INTERRUPTED)
        sys.exit(error.status)
    if isinstance(result, Plan) and not sys.stdout.isatty():
        print(json.dumps(result.facts))  # for programs
    return result


def leave_at_once(status: int):
    """Ends the process, but does not tear the interpreter down.

    Threads of a framework may still compute what Ctrl-C cut off. They crash if
    their library is unloaded meanwhile.

    Args:
        status: int, of the exit.
    """
    for reader in multiprocessing.active_children():
        reader.terminate()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def accept_any_name():
    """Lets names of files be printed that are not UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def check_environment(name: str):
    """Leaves unless it is clear which framework a job runs on."""
    frameworks = environment.installed()
    if not os.environ.get("KERAS_BACKEND") and len(frameworks) != 1:
        sys.exit(f"{name}: KERAS_BACKEND is not set. {environment.advice()}")
