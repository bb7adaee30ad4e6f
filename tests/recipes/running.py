"""Runs recipes and jobs the way people do: as commands."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from layerlock import cli, commands
from layerlock.cli.flags import parse
from layerlock.jobs.pretraining import method

ROOT = pathlib.Path(__file__).parents[2]


def command(run_dir, *flags):
    recipe = ROOT / "recipes" / "pretrain.py"
    return [sys.executable, str(recipe), f"--run_dir={run_dir}", *flags]


def interruptible(command):
    """The same command, which SIGINT ends whoever runs the tests.

    A shell may have its background jobs ignore it. `preexec_fn` would fork
    this process, which JAX forbids.
    """
    code = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", code, *command]


def call(name, *flags):
    """Runs a job in this process, as its command line does."""
    return cli.run(name, list(flags))


def configure(name, *flags):
    """The configuration of a command line, as it was given."""
    return parse(commands.find(name).config_class, list(flags))


def resolved(*flags):
    """The resolved configuration of a pre-training run, and its method."""
    config = configure("pretrain", *flags).resolve()
    return config, method.build(config)


def refusal(name, *flags):
    """The sentence with which a recipe, called right here, gives up."""
    with pytest.raises(SystemExit) as refused:
        call(name, *flags)
    assert isinstance(refused.value.code, str)  # goes to stderr, with status 1
    return refused.value.code


def environment(**changes):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **changes}


def pretrain(run_dir, *flags, **changes):
    """Runs the recipe to its end; returns the finished process."""
    return subprocess.run(
        command(run_dir, *flags),
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=600,
    )


def succeed(run_dir, *flags, **changes):
    finished = pretrain(run_dir, *flags, **changes)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return finished.stdout + finished.stderr


def wait_for(process, run_dir, step):
    """Waits until a run has logged a step."""
    deadline = time.monotonic() + 300
    while not any(line["step"] >= step for line in metrics(run_dir)):
        assert process.poll() is None, "it ended before that step"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pretrain_until_killed(run_dir, step, *flags):
    """Starts the recipe and kills it, with no warning, after `step`."""
    process = subprocess.Popen(
        command(run_dir, *flags),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(process, run_dir, step)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def metrics(run_dir):
    """The complete lines of metrics.jsonl."""
    path = pathlib.Path(run_dir) / "metrics.jsonl"
    if not path.exists():
        return []
    *lines, _ = path.read_text().split("\n")
    return [json.loads(line) for line in lines]
