"""Attacks targets in processes of their own, with limits of time and memory.

A process that hangs or dies is a finding, and another one takes its place.
"""

import dataclasses
import multiprocessing
import pathlib
import queue
import random
import shutil
import tempfile
import time

from tests.fuzz import guards, targets

SECONDS = 10  # of one input, on one core
PATIENCE = 60  # seconds of a machine that others use, too
STARTING_SECONDS = 300  # imports, and the files that are damaged


@dataclasses.dataclass
class Row:
    """What became of the inputs of one target."""

    name: str
    inputs: int = 0
    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0
    findings: list = dataclasses.field(default_factory=list)
    is_told: bool = False

    def add(self, seed, kind, details, seconds):
        self.inputs += 1
        self.slowest = max(self.slowest, seconds)
        if kind == "finding":
            self.findings.append((seed, details))
        elif kind == "refused":
            self.refused += 1
        else:
            self.accepted += 1


def attack(inputs, on_row=None) -> list[Row]:
    """Attacks targets, one after the other.

    Args:
        inputs: dict from the name of a target to the seeds of its inputs.
        on_row: function of each finished `Row`, or `None`.
    """
    rows = {name: Row(name) for name in inputs}
    todo = [(name, seed) for name, seeds in inputs.items() for seed in seeds]
    while todo:
        left = _attack(rows, todo)
        for name in inputs:
            row = rows[name]
            if on_row and row.inputs == len(inputs[name]) and not row.is_told:
                row.is_told = True
                on_row(row)
        todo = left
    return list(rows.values())


def _attack(rows, todo) -> list:
    """Attacks until the process or a target ends; returns what is left."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    worker = context.Process(target=_work, args=(todo, results), daemon=True)
    worker.start()
    left, is_ready = list(todo), False
    try:
        while left:
            name, seed = left[0]
            limit = PATIENCE if is_ready else STARTING_SECONDS
            result = _next(results, worker, limit)
            if result in ("ready", "preparing"):
                is_ready = result == "ready"
                continue
            if not isinstance(result, tuple):
                if not is_ready:
                    raise RuntimeError(f"{name} cannot start: {result}")
                rows[name].add(seed, "finding", result, limit)
                return left[1:]
            rows[name].add(seed, *result)
            left = left[1:]
    finally:
        worker.kill()
        worker.join()
    return left


def _next(results, worker, limit):
    """The next result, or why there is none."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            return results.get(timeout=0.5)
        except queue.Empty:
            if not worker.is_alive() and results.empty():
                return f"the process died with status {worker.exitcode}"
    return f"no end after {limit} seconds"


def _work(todo, results):
    place = pathlib.Path(tempfile.mkdtemp(prefix="layerlock-fuzz-"))
    prepared, target = None, None
    try:
        for name, seed in todo:
            if name != prepared:
                results.put("preparing")
                folder = pathlib.Path(tempfile.mkdtemp(dir=place))
                prepared, target = name, targets.prepare(name, folder)
                results.put("ready")
            started = time.process_time()
            kind, details = one(target, random.Random(seed))
            seconds = time.process_time() - started
            if kind != "finding" and seconds > SECONDS:
                kind, details = "finding", f"it took {seconds:.0f} seconds"
            results.put((kind, details, seconds))
        results.close()
        results.join_thread()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def one(target, draws) -> tuple[str, str]:
    """Attacks a prepared target once.

    Args:
        target: what `targets.prepare` returned.
        draws: a `random.Random`.

    Returns:
        As `guards.outcome`.
    """
    try:
        attack = target.draw(draws)  # writes the hostile files
    except Exception as error:
        return "finding", f"no input: {guards.describe(error)}"

    def call():
        with guards.watched(target.folder):
            attack()

    return guards.outcome(call, target.refusals)
