"""What `benchmarks/claims.py` has found so far, as Markdown and as JSON."""

import dataclasses
import functools
import threading

import numpy as np
from claims_rows import GRIDS, Row
from claims_scales import Scale
from job_parts import read

from layerlock.jobs.pretraining import costs
from layerlock.runs import writing

FEW = {
    "flags": "--readout_args=steps=30,learning_rates=(3e-3,)",
    "task_args": ",num_train=200,num_validation=50,num_test=100",
}


class Results:
    """The rows of all grids, and what is known of them.

    Args:
        runs: the `Grid` of runs.
        scale: `Scale` of all of them.
        steps: int, of a run.
        seeds: int, runs of a row.
        quick: bool, probes so small that they say nothing. Defaults to
            `False`.
    """

    def __init__(
        self, runs, scale: Scale, steps: int, seeds: int, quick: bool = False
    ):
        self.runs = runs
        self.scale = scale
        self.steps = steps
        self.seeds = seeds
        self.quick = quick
        self._writing = threading.Lock()

    def probes(self, number: int) -> dict:
        """What is asked of the rows of a grid: a probe for each column."""
        few = FEW if self.quick else {}
        task_args = self.scale.task_args + few.get("task_args", "")
        changes = {**few, "task_args": task_args}
        return {
            column: dataclasses.replace(probe, **changes)
            for column, probe in GRIDS[number].probes.items()
        }

    def rows(self, number: int) -> tuple:
        """The rows of a grid, and the floors."""
        floors = self.scale.floors.items()
        return (*GRIDS[number].rows, *(Row(*floor) for floor in floors))

    def is_floor(self, row) -> bool:
        """Whether a row is an encoder that learned nothing."""
        return row.flags in self.scale.floors.values()

    def work(self, grids) -> dict:
        """Every row of some grids once, with the probes it is asked."""
        rows, probes = {}, {}
        for number in grids:
            for row in self.rows(number):
                key = (row.flags, self.steps_of(row))
                rows.setdefault(key, row)
                asked = probes.setdefault(key, [])
                for probe in self.probes(number).values():
                    if probe not in asked:
                        asked.append(probe)
        return {row: probes[key] for key, row in rows.items()}

    def steps_of(self, row) -> int:
        """How long a row trains."""
        if row.flops_of is None:
            return self.steps * row.length
        given, own = (
            self._flops(Row("", flags).flags_for(self.steps), self.steps)
            for flags in (row.flops_of, row.flags)
        )
        return round(self.steps * given / own)

    def flags_of(self, row) -> str:
        """Its flags, shares of a run as steps."""
        return row.flags_for(self.steps_of(row))

    def path(self, row, seed: int):
        """The folder of a row's run, or of a floor."""
        if self.is_floor(row):
            return self.runs.encoder_path(row.flags, seed)
        return self.runs.path(self.flags_of(row), self.steps_of(row), seed)

    def answers(self, row, probe) -> list[float]:
        """What a probe found, for each seed that is done."""
        paths = [self.path(row, seed) for seed in range(self.seeds)]
        found = [self.runs.answer(probe, path) for path in paths]
        return [value for value in found if value is not None]

    def write(self) -> str:
        """Writes `results.md` and `results.json`; returns the former."""
        with self._writing:
            text = "\n".join(map(self.table, self.scale.grids))
            folder = self.runs.folder
            folder.mkdir(parents=True, exist_ok=True)
            writing.replace_file(folder / "results.md", text.encode())
            writing.write_json(folder / "results.json", self.runs.everything())
        return text

    def table(self, number: int) -> str:
        """One grid as Markdown."""
        grid, probes = GRIDS[number], self.probes(number)
        heads = ("row", "flags", "GFLOPs", *probes, "compared")
        lines = [heads, ["---"] * len(heads)]
        for row in self.rows(number):
            answers = {
                column: self.answers(row, probe)
                for column, probe in probes.items()
            }
            lines.append(
                (
                    row.name,
                    self._flags(row),
                    self._cost(row),
                    *(self._mean(found) for found in answers.values()),
                    self._against(grid.rows, row, answers, probes),
                )
            )
        table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
        return f"### {number}. {grid.title}\n\n{table}"

    def _flags(self, row):
        if self.is_floor(row):
            return f"`--encoder={row.flags}`"
        steps = self.steps_of(row)
        steps = "" if steps == self.steps else f" --steps={steps}"
        return f"`{self.flags_of(row)}{steps}`"

    def _cost(self, row):
        if self.is_floor(row):
            return ""
        cost = self._flops(self.flags_of(row), self.steps_of(row))
        return f"{cost / 1e9:.0f}"

    def _flops(self, flags, steps):
        return run_flops(f"{self.scale.flags} {flags}", steps)

    def _mean(self, found):
        if not found:
            return "not run yet"
        note = f" ({len(found)} of {self.seeds} seeds)"
        note = note if len(found) < self.seeds else ""
        spread = f" ± {np.std(found, ddof=1):.3f}" if len(found) > 1 else ""
        return f"{np.mean(found):.3f}{spread}{note}"

    def _against(self, rows, row, answers, probes):
        """Worst of one side against best of the other: more is not said."""
        first = rows[0]
        if row.against:
            [first] = [other for other in rows if other.name == row.against]
        if row == first:
            return ""
        words = []
        for column, found in answers.items():
            other = self.answers(first, probes[column])
            if min(len(found), len(other)) < self.seeds or self.seeds < 2:
                continue
            sign = -1 if probes[column].metric == "abs_rel" else 1
            ours, theirs = sign * np.array(found), sign * np.array(other)
            if ours.min() > theirs.max():
                words.append(f"{column} better")
            elif ours.max() < theirs.min():
                words.append(f"{column} worse")
            else:
                words.append(f"{column} not apart")
        found = ", ".join(words)
        return f"with {first.name}: {found}" if words and row.against else found


@functools.cache
def run_flops(flags: str, steps: int) -> int:
    """FLOPs of a run of `recipes/pretrain.py`, counted from sizes.

    Args:
        flags: str, its flags.
        steps: int.
    """
    words = f"{flags} --steps={steps}".split()
    return costs.count(*read(words)).flops
