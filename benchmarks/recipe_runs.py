"""Runs recipes, each as a process on one core or as a part of this one."""

import contextlib
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

from layerlock import cli
from layerlock.studies.series.training import is_complete

ROOT = pathlib.Path(__file__).parents[1]
# One core per process: two such runs take less time than one after the other.
ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false "
    "intra_op_parallelism_threads=1",
}


_CHILDREN = set()  # processes of recipes that run


@contextlib.contextmanager
def children_end_first():
    """SIGTERM ends the recipes that run, which save what they have, first."""

    def end(number, frame):
        for process in list(_CHILDREN):
            process.send_signal(number)
        sys.exit(128 + number)  # as shells count

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(command: str, log):
    """Runs a recipe on one core; its output goes to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        open(log, "a") as output,
        subprocess.Popen(
            [sys.executable, *shlex.split(command)],
            cwd=ROOT,
            env={**os.environ, **ONE_CORE},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        _CHILDREN.add(process)
        try:
            status = process.wait()
        finally:
            _CHILDREN.discard(process)
    if status:
        raise RuntimeError(
            f"`python {command}` ended with {status}: see {log}."
        )


def run_here(command: str, log):
    """The same in this process, without a setting of its own."""
    recipe, *flags = shlex.split(command)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        open(log, "a") as output,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            cli.run(pathlib.Path(recipe).stem, flags)
        except SystemExit as error:
            if isinstance(error.code, int) and error.code > 128:
                raise  # a signal, which is for this process, too
            raise RuntimeError(
                f"`python {command}` ended: {error}. See {log}."
            ) from error


def pretrain(command: str, path, run=run):
    """Runs a recipe of pre-training, or lets it go on where it was cut off.

    Args:
        command: str, the recipe and its flags.
        path: the run directory.
        run: function of a command and a log. Defaults to `run`.
    """
    resume = " --resume" if (path / "config.json").exists() else ""
    run(
        f"{command} --run_dir={quoted(path.resolve())}{resume}",
        path.with_name(f"{path.name}.log"),
    )


def trained(recipe: str, seed: int, folder, name: str) -> pathlib.Path:
    """The folder of a complete run of a recipe; trains what is missing of it.

    Args:
        recipe: str, the recipe and its flags. Another recipe is another run.
        seed: int.
        folder: path, where runs are kept.
        name: str, with which that of the run begins.
    """
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    path = pathlib.Path(folder).resolve() / f"{name}-{digest}-{seed}"
    if not is_complete(path):
        pretrain(f"{recipe} --seed={seed}", path)
    return path


def result(file, command: str, log, run=run) -> dict:
    """The content of a JSON file; runs what writes it where it is missing.

    Args:
        file: path, in a folder of its own.
        command: str, which writes the file last.
        log: path, for the output of the command.
        run: function of a command and a log. Defaults to `run`.
    """
    if not file.exists():
        shutil.rmtree(file.parent, ignore_errors=True)  # cut off while writing
        run(command, log)
    return json.loads(file.read_text())


def quoted(path) -> str:
    """A path as a word of a command."""
    return shlex.quote(str(path))
