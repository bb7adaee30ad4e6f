"""Runs recipes the way people do: as commands."""

import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def command(run_dir, *flags):
    recipe = ROOT / "recipes" / "pretrain.py"
    return [sys.executable, str(recipe), f"--run_dir={run_dir}", *flags]


def load(name):
    """A recipe as a module of this process, with flags of its own."""
    path = ROOT / "recipes" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    recipe = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        spec.loader.exec_module(recipe)
    return recipe


def call(name, *flags):
    """Runs a recipe in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "recipes")
        load(name).main([f"{name}.py", *flags])


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
