"""Breaks a run at every call that changes its files."""

import collections
import concurrent.futures
import dataclasses
import errno
import itertools
import pathlib
import shutil
import tempfile
import threading

from tests.faults import scenarios, verdict, workshop

KILL_BEFORE, KILL_AFTER, KILL_HALF, FAIL_ONCE, FAIL_ON = range(1, 6)
KINDS = {
    "killed before": (KILL_BEFORE, 0),
    "killed after": (KILL_AFTER, 0),
    "killed half-way": (KILL_HALF, 0),
    "disk full": (FAIL_ON, errno.ENOSPC),
    "I/O error once": (FAIL_ONCE, errno.EIO),
    "I/O errors": (FAIL_ON, errno.EIO),
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """One call of a run, and what becomes of it.

    Args:
        number: int, of the call.
        kind: str, a name of `KINDS`.
        call: str, name of the call.
        path: str, its file, relative to the run directory.
    """

    number: int
    kind: str
    call: str
    path: str

    def __str__(self):
        return f"{self.kind} call {self.number}, {self.call} {self.path}"


def part(path: str) -> str:
    """The part of a run that a file belongs to."""
    for name, words in (
        ("checkpoint", ("checkpoints",)),
        ("export", ("_encoder", "encoder", "_student", "student")),
        ("log line", ("metrics.jsonl",)),
        ("report", ("report.html",)),
        ("pictures", ("pictures",)),
    ):
        if any(word in path for word in words):
            return name
    return "start and end"


class Breaker:
    """Runs a job, and the same job with faults.

    Args:
        folder: path of an empty folder.
        flags: flags of the run.
        jobs: int, runs at a time.
    """

    def __init__(self, folder, flags=scenarios.FLAGS, jobs: int = 1):
        self.folder = pathlib.Path(folder)
        self.flags = flags
        self.shim = workshop.build_shim(self.folder)
        self.local = threading.local()
        self.workshops = []
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.expected = self.folder / "expected"
        encoder = self.folder / "small_encoder"
        outcome = self.pool.submit(self._run, "encoder", encoder).result()
        assert outcome.status == 0, outcome.said
        self.flags = (*flags, f"--init_from={encoder}")
        outcome = self.pool.submit(self._start, self.expected).result()
        assert outcome.status == 0, outcome.said
        self.calls = outcome.calls

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.pool.shutdown(cancel_futures=True)
        for shop in self.workshops:
            shop.__exit__()

    def faults(self, kinds=tuple(KINDS)) -> list[Fault]:
        """All faults of some kinds."""
        return [
            Fault(number, kind, name, path)
            for number, (name, path) in enumerate(self.calls)
            for kind in kinds
            if kind != "killed half-way" or name == "write"
        ]

    def sample(self) -> list[Fault]:
        """A few faults: every kind, and every part of a run."""
        by_part = {}
        for fault in self.faults():
            by_part.setdefault(part(fault.path), []).append(fault)
        kinds = itertools.cycle(KINDS)
        chosen = []
        for faults in by_part.values():
            for kind in itertools.islice(kinds, 2):
                some = [fault for fault in faults if fault.kind == kind]
                chosen.append(some[len(some) // 2])
        return chosen

    def problems(self, faults):
        """Yields each fault with the list of what went wrong."""
        yield from zip(faults, self.pool.map(self.check, faults), strict=True)

    def check(self, fault: Fault) -> list[str]:
        """Breaks a run once, resumes it, and compares it."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        try:
            return self._check(fault, folder / "run")
        finally:
            shutil.rmtree(folder)

    def _check(self, fault, run_dir):
        outcome = self._start(run_dir, fault)
        found = judge(fault, outcome, run_dir)
        found += verdict.losses(run_dir, outcome.calls[: fault.number])
        flags = self.flags
        if (run_dir / "config.json").exists():
            flags = ("--resume",)
        again = self._run("pretrain", f"--run_dir={run_dir}", *flags)
        if again.status != 0:
            return [*found, f"no resume: {again.status}, {again.said[-600:]}"]
        return found + verdict.differences(run_dir, self.expected)

    def _start(self, run_dir, fault=None):
        how, error = KINDS[fault.kind] if fault else (0, 0)
        return self._run(
            "pretrain",
            f"--run_dir={run_dir}",
            *self.flags,
            fault={
                "folder": str(run_dir),
                "number": fault.number if fault else -1,
                "how": how,
                "error": error,
            },
        )

    def _run(self, scenario, *arguments, fault=None):
        if not hasattr(self.local, "workshop"):
            name = f"workshop_{threading.get_ident()}"
            self.local.workshop = workshop.Workshop(
                self.folder / name, self.shim
            )
            self.workshops.append(self.local.workshop)
        return self.local.workshop.run(scenario, *arguments, fault=fault)


def judge(fault, outcome, run_dir) -> list[str]:
    """What is wrong about how a broken run ended."""
    if fault.kind.startswith("killed"):
        return [] if outcome.status == -9 else [f"ended by {outcome.status}"]
    if outcome.status == 0:
        return []
    *_, last = outcome.said.strip().splitlines() or [""]
    found = []
    if outcome.status != 1:
        found.append(f"ended by {outcome.status}")
    if "Traceback" in outcome.said:
        found.append(f"a traceback: {last[:200]}")
    elif not last.startswith("pretrain: ") or str(run_dir) not in last:
        found.append(f"no sentence: {last[:200]}")
    return found


def table(results) -> str:
    """Counts faults that were survived, by part of the run and kind.

    Args:
        results: list of (fault, problems).
    """
    counts = collections.Counter()
    survived = collections.Counter()
    for fault, problems in results:
        cell = (part(fault.path), fault.kind)
        counts[cell] += 1
        survived[cell] += not problems
    parts = list(dict.fromkeys(row for row, _ in counts))
    kinds = [kind for kind in KINDS if any(k == kind for _, k in counts)]
    lines = [["", *kinds]]
    for row in parts:
        lines.append(
            [
                row,
                *(
                    f"{survived[row, kind]} of {counts[row, kind]}"
                    for kind in kinds
                ),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )
