"""Runs of `recipes/pretrain.py`, each trained and judged once, side by side."""

import concurrent.futures
import dataclasses
import json
import pathlib

from recipe_runs import pretrain, quoted, result, run, run_here

from layerlock import runs
from layerlock.runs.checkpoints import step_of

# Scenes that no run has trained on: theirs have the run's seed.
PROBE_SEED = 1000


@dataclasses.dataclass(frozen=True)
class Probe:
    """One question to the frozen features of an encoder.

    Args:
        task: str, as for `recipes/probe.py --task`.
        readout: str, as for its `--readout`.
        flags: str, its other flags. Defaults to none.
        task_args: str, of the task beside its seed, from a comma on. Defaults
            to none.
    """

    task: str
    readout: str
    flags: str = ""
    task_args: str = ""

    @property
    def name(self) -> str:
        """The folder of its results."""
        return f"{self.task}-{self.readout}"

    @property
    def metric(self) -> str:
        """What is reported of it."""
        return "abs_rel" if self.task.endswith("depth") else "top1"

    def command(self, encoder, out) -> str:
        """The command that asks it."""
        return (
            f"recipes/probe.py --encoder={quoted(encoder)} "
            f"--task={self.task} --readout={self.readout} "
            f"--task_args=seed={PROBE_SEED}{self.task_args} {self.flags} "
            f"--out={quoted(out)}"
        )


class Grid:
    """A folder of runs, named by their flags, steps and seed.

    What is complete in it is not repeated, and what was cut off goes on.

    Args:
        folder: path.
        jobs: int, processes at a time, one core each. Defaults to `2`.
        common: str, flags of `recipes/pretrain.py` that all runs share, unless
            they say otherwise themselves. Defaults to none.
        unnamed: str, more of them, which names of runs leave out. Defaults to
            none.
        known: dict, what `everything` returned of another folder: answers
            that need not be asked for again. Defaults to none.
        here: bool, whether all runs are part of this process, one after the
            other: short ones would mostly load libraries. Defaults to `False`.
    """

    def __init__(
        self,
        folder,
        jobs: int = 2,
        common: str = "",
        known: dict | None = None,
        here: bool = False,
        unnamed: str = "",
    ):
        self.unnamed = unnamed
        self.run = run_here if here else run
        self.here = here
        self.folder = pathlib.Path(folder)
        self.jobs = jobs
        self.common = common
        self.known = known or {}

    def path(self, flags: str, steps: int, seed: int) -> pathlib.Path:
        """The run directory of some flags of `recipes/pretrain.py`."""
        words = _words(f"{self.common} {flags}")
        name = "-".join([*words, str(steps), str(seed)])
        return self.folder / "pretrain" / name

    def encoder_path(self, encoder: str, seed: int) -> pathlib.Path:
        """The folder of what is known of a floor, such as `random:PRESET`."""
        return self.folder / "floors" / f"{encoder.replace(':', '-')}-{seed}"

    def train(self, flags: str, steps: int, seed: int) -> pathlib.Path:
        """Trains one run to its end; returns its folder."""
        return self.train_at(self.path(flags, steps, seed), flags, steps, seed)

    def train_at(self, path, flags: str, steps: int, seed: int) -> pathlib.Path:
        """Trains one run to its end in a folder of another name."""
        if self.is_complete(path, steps):
            return path
        pretrain(
            f"recipes/pretrain.py {self.unnamed} {self.common} {flags} "
            f"--steps={steps} --seed={seed}",
            path,
            self.run,
        )
        if not self.is_complete(path, steps):
            raise RuntimeError(
                f"{path} did not come to its end: see "
                f"{path.name}.log beside it."
            )
        return path

    def is_complete(self, path, steps) -> bool:
        """Whether a run has come to its end, and all of it is written.

        A report may be older: of a run that was stopped, and went on.
        """
        if not (path / "report.html").exists():
            return False
        run = runs.RunDirectory.open(path)
        saved = max(run.checkpoints_path.glob("step_*"), default=None)
        if saved is None or step_of(saved) < steps:
            return False
        # Last: the checkpoint, the encoder, the report.
        return run.report_path.stat().st_mtime >= saved.stat().st_mtime

    def metrics(self, path) -> list[dict]:
        """The log lines of a run."""
        return runs.RunDirectory.open(path).read_metrics()

    def answer(self, probe: Probe, path) -> float | None:
        """What a probe found, or `None` where it was not asked yet."""
        found = self._found(probe, path)
        return (
            self.known.get(path.name, {}).get(probe.name)
            if found is None
            else found
        )

    def everything(self) -> dict:
        """Every answer: what was known, and what was found in the folder."""
        found = {name: dict(answers) for name, answers in self.known.items()}
        for path in sorted(self.folder.glob("*/*/probes/*/probe.json")):
            probe = Probe(*path.parent.name.split("-"))
            answers = found.setdefault(path.parents[2].name, {})
            answers[probe.name] = _value(path, probe.metric)
        return dict(sorted(found.items()))

    def judge(self, probe: Probe, path, encoder=None, seed=0) -> float:
        """Asks a probe about a run, or about a floor; returns its metric."""
        out = path / "probes" / probe.name
        encoder = encoder or path.resolve()
        result(
            out / "probe.json",
            f"{probe.command(encoder, out.resolve())} --seed={seed}",
            path.parent / f"{path.name}-{probe.name}.log",
            self.run,
        )
        return self.answer(probe, path)

    def _found(self, probe: Probe, path) -> float | None:
        """What a probe found in this folder."""
        found = path / "probes" / probe.name / "probe.json"
        return _value(found, probe.metric) if found.exists() else None

    def finetune(self, flags: str, name: str, metric: str) -> float:
        """Trains end to end with `recipes/finetune.py`; returns a metric."""
        found = self.finetune_at(self.folder / "finetune" / name, flags)
        return found["metrics"][metric]["value"]

    def finetune_at(self, out, flags: str) -> dict:
        """Trains end to end into a folder; returns what was found."""
        return result(
            out / "finetune.json",
            f"recipes/finetune.py {flags} --out={quoted(out.resolve())}",
            out.with_name(f"{out.name}.log"),
            self.run,
        )

    def side_by_side(self, function, arguments) -> list:
        """Calls a function with each tuple of arguments, `jobs` at a time."""
        arguments = list(arguments)
        if self.here:
            return [function(*each) for each in arguments]
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            found = []
            for done in pool.map(lambda each: function(*each), arguments):
                found.append(done)
                print(f"\r{len(found)} of {len(arguments)}", end="", flush=True)
        print()
        return found


def _value(path, metric: str) -> float:
    """A metric that a recipe left in its JSON file."""
    return json.loads(path.read_text())["metrics"][metric]["value"]


def _words(flags: str) -> list[str]:
    """Flags as parts of a folder's name."""
    return [word.removeprefix("--").replace("/", "_") for word in flags.split()]
