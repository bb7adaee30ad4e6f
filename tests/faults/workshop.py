"""Builds what breaks calls, and runs jobs in forks of a warm process."""

import dataclasses
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc")
SECONDS = 600  # for a job that takes one, or a minute where it compiles


def build_shim(folder) -> pathlib.Path:
    """Compiles the library that counts and breaks calls."""
    source = pathlib.Path(__file__).with_name("shim.c")
    library = pathlib.Path(folder) / "shim.so"
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
        check=True,
    )
    return library


def environment(**changes) -> dict:
    """The variables of a process that runs a job."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        **changes,
    }


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Args:
        status: int, of its process; negative for a signal, `None` if it took
            too long.
        said: str, what it printed.
        calls: list of (name, path) of the calls that change files.
    """

    status: int | None
    said: str
    calls: list


class Workshop:
    """A process that has imported a framework, and forks for every job.

    Args:
        folder: path of a folder for what it needs.
        shim: path of the library of `build_shim`, or `None`.
    """

    def __init__(self, folder, shim=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = self.folder / "output.txt"
        self.calls = self.folder / "calls.txt"
        changes = {} if shim is None else {"LD_PRELOAD": str(shim)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            env=environment(**changes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def run(self, scenario: str, *arguments, fault=None) -> Outcome:
        """Runs a function of `scenarios` in a process of its own.

        Args:
            scenario: its name.
            *arguments: its arguments.
            fault: dict with `folder`, `number`, `how` and `error`, which
                `faults_arm` takes. Defaults to `None`: nothing is counted.
        """
        self.start(scenario, *arguments, fault=fault)
        return self.wait()

    def start(self, scenario: str, *arguments, fault=None) -> int:
        """Starts what `run` runs; returns the number of its process."""
        self.calls.unlink(missing_ok=True)
        if fault:
            fault = {**fault, "list": str(self.calls)}
        request = {
            "scenario": scenario,
            "arguments": [str(argument) for argument in arguments],
            "fault": fault,
            "output": str(self.output),
            "timeout": SECONDS,
        }
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self._answer()["pid"]

    def wait(self) -> Outcome:
        """Waits for the end of what `start` started."""
        status = self._answer()["status"]
        lines = []
        if self.calls.exists():
            lines = self.calls.read_text().splitlines()
        return Outcome(
            status,
            self.output.read_text(errors="replace"),
            [tuple(line.split(" ", 1)) for line in lines],
        )

    def has_ended(self) -> bool:
        """Whether `wait` would return at once."""
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("The process that forks for jobs has ended.")
        return json.loads(line)
