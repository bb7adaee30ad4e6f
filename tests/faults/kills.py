"""Kills longer runs at random moments, and resumes them until they end."""

import dataclasses
import os
import pathlib
import random
import shutil
import signal
import time

from layerlock.runs import checkpoints
from tests.faults import scenarios, verdict, workshop

STEPS = 60
FLAGS = (
    *(flag for flag in scenarios.FLAGS if not flag.startswith("--steps")),
    f"--steps={STEPS}",
    "--checkpoint_every=3",
    "--keep_checkpoints=3",
    "--start_step=12",
    "--interval=18",
)


@dataclasses.dataclass
class Tally:
    """What became of the kills of a backend.

    Args:
        kills: int, processes that were killed.
        runs: int, that came to their end.
        moments: dict from a word for the moment to its number of kills.
        problems: list of str.
    """

    kills: int = 0
    runs: int = 0
    moments: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)

    def add(self, moment: str):
        """Counts a kill."""
        self.kills += 1
        self.moments[moment] = self.moments.get(moment, 0) + 1


class Killer:
    """Starts a run, kills it, resumes it, and again, until it ends.

    Args:
        folder: path of an empty folder.
        seed: int, of the moments.
    """

    def __init__(self, folder, seed: int = 0):
        self.folder = pathlib.Path(folder)
        self.random = random.Random(seed)
        self.workshop = workshop.Workshop(self.folder / "workshop")
        self.encoder = self.folder / "small_encoder"
        self.expected = self.folder / "expected"
        self.tally = Tally()

    def __enter__(self):
        outcome = self.workshop.run("encoder", self.encoder)
        assert outcome.status == 0, outcome.said
        began = time.monotonic()
        self._start(self.expected)
        while not self.workshop.has_ended() and not _logged(self.expected):
            time.sleep(0.01)
        self.start = time.monotonic() - began  # seconds until the first step
        outcome = self.workshop.wait()
        assert outcome.status == 0, outcome.said
        return self

    def __exit__(self, *error):
        self.workshop.__exit__()

    def kill(self, number: int, print_fn=print) -> Tally:
        """Kills `number` processes, in as many runs as that takes."""
        while self.tally.kills < number and not self.tally.problems:
            run_dir = self.folder / f"run_{self.tally.runs}"
            self._kill_one_run(run_dir, number, print_fn)
            shutil.rmtree(run_dir)
        return self.tally

    def _kill_one_run(self, run_dir, number, print_fn):
        newest, outcome = 0, None
        while outcome is None:
            process = self._start(run_dir)
            if self.tally.kills < number:
                self._wait(run_dir)
            if self.tally.kills == number or self.workshop.has_ended():
                outcome = self.workshop.wait()
                break
            os.kill(process, signal.SIGKILL)
            self.workshop.wait()
            moment = _moment(run_dir)
            self.tally.add(moment)
            found = self._newest(run_dir)
            print_fn(f"kill {self.tally.kills}, {moment}, saved: {found}")
            if found < newest:
                self.tally.problems.append(
                    f"step {newest} had been saved; now {found} is"
                )
            newest = found
        if outcome.status != 0:
            said = outcome.said[-5000:]
            self.tally.problems.append(f"ended by {outcome.status}: {said}")
            return
        self.tally.runs += 1
        self.tally.problems += verdict.differences(run_dir, self.expected)

    def _wait(self, run_dir):
        """Waits for a random moment, or until the run has ended.

        Some are anywhere in the start or in a resume, the others after a
        step, where layers freeze and files are written.
        """
        ended = self.workshop.has_ended
        if self.random.random() < 0.3:
            deadline = time.monotonic() + self.random.uniform(0, self.start)
            while time.monotonic() < deadline and not ended():
                time.sleep(0.01)
            return
        step = _logged(run_dir) + self.random.randint(1, 12)
        while _logged(run_dir) < step and not ended():
            time.sleep(0.005)
        time.sleep(self.random.uniform(0, 0.3))

    def _newest(self, run_dir) -> int:
        whole = [
            checkpoints.step_of(path)
            for path in checkpoints.find(run_dir / "checkpoints")
            if checkpoints.verify(path) is None
        ]
        return max(whole, default=0)

    def _start(self, run_dir) -> int:
        flags = (*FLAGS, f"--init_from={self.encoder}")
        if (run_dir / "config.json").exists():
            flags = ("--resume",)
        return self.workshop.start("pretrain", f"--run_dir={run_dir}", *flags)


def _logged(run_dir) -> int:
    """The step of the last line of the log."""
    path = run_dir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _moment(run_dir) -> str:
    """Where a killed run was, as far as its files tell."""
    if not (run_dir / "config.json").exists():
        return "before it began"
    if list((run_dir / "checkpoints").glob(".*")):
        return "in a checkpoint"
    if list(run_dir.glob(".*_encoder")):
        return "in an export"
    if not _logged(run_dir):
        return "before the first step"
    return "elsewhere"


def report(backend: str, tally: Tally) -> str:
    """A line of the table."""
    moments = ", ".join(f"{n} {what}" for what, n in tally.moments.items())
    lost = f"; {tally.problems}" if tally.problems else ""
    return (
        f"{backend}: {tally.kills} kills in {tally.runs} runs, all equal"
        f" ({moments})"
        if not lost
        else f"{backend}: after {tally.kills} kills{lost}"
    )
