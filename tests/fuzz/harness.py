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

SECONDS = 10  # of one input
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

    def add(self, seed, kind, details, seconds):
        self.inputs += 1
        self.slowest = max(self.slowest, seconds)
        if kind == "finding":
            self.findings.append((seed, details))
        elif kind == "refused":
            self.refused += 1
        else:
            self.accepted += 1


def attack(name: str, seeds, on_finding=None) -> Row:
    """Attacks a target with one input per seed."""
    row, todo = Row(name), list(seeds)
    while todo:
        todo = _attack(row, todo, on_finding)
    return row


def _attack(row, seeds, on_finding) -> list:
    """Attacks until the process ends; returns the seeds that are left."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    worker = context.Process(target=_work, args=(row.name, seeds, results))
    worker.start()
    left, limit = list(seeds), STARTING_SECONDS
    try:
        is_dead = False
        while left and not is_dead:
            started = time.monotonic()
            result = _next(results, worker, limit)
            if result == "ready":
                limit = SECONDS + 5  # to write the input, and a slow machine
                continue
            is_dead = not isinstance(result, tuple)
            if is_dead:
                if limit == STARTING_SECONDS:
                    raise RuntimeError(f"{row.name} cannot start: {result}")
                seconds = time.monotonic() - started
                result = (left[0], "finding", result, seconds)
            row.add(*result)
            left.remove(result[0])
            if on_finding is not None and result[1] == "finding":
                on_finding(row.name, result[0], result[2])
    finally:
        worker.kill()
        worker.join()
    return left


def _next(results, worker, limit):
    """The next result, or why there is none."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            return results.get(timeout=0.2)
        except queue.Empty:
            if not worker.is_alive() and results.empty():
                return f"the process died with status {worker.exitcode}"
    worker.kill()
    return f"no end after {limit} seconds"


def _work(name, seeds, results):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="layerlock-fuzz-"))
    try:
        target = targets.prepare(name, folder)
        results.put("ready")
        for seed in seeds:
            started = time.monotonic()
            kind, details = one(target, random.Random(seed))
            seconds = time.monotonic() - started
            if kind != "finding" and seconds > SECONDS:
                kind, details = "finding", f"it took {seconds:.0f} seconds"
            results.put((seed, kind, details, seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def one(target, draws) -> tuple[str, str]:
    """Attacks a prepared target once.

    Args:
        target: what `targets.prepare` returned.
        draws: a `random.Random`.

    Returns:
        As `guards.outcome`.
    """
    attack = target.draw(draws)  # writes the hostile files

    def call():
        with guards.watched(target.folder):
            attack()

    return guards.outcome(call, target.refusals)
