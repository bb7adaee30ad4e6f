"""Reads the metrics of a run as columns, stages and freeze events."""

import dataclasses
import itertools
import math
import numbers

import numpy as np

from layerlock.runs import wording


@dataclasses.dataclass(frozen=True)
class Stage:
    """The log lines between two freezes, and the cost of their steps.

    A number is None if the lines lack it.
    """

    step: int  # of the last line before it: it began there or shortly after
    frozen_layers: int
    target: str
    stall_seconds: float | None
    step_flops: float | None
    step_flops_unfrozen: float | None
    peak_memory_bytes: float | None
    clips_per_second: float | None
    input_wait: float | None
    teacher_jump: float | None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A verdict that held for one log line or several in a row."""

    step: int  # of the first line
    label: str
    reason: str  # of the last line


class History:
    """The lines of `metrics.jsonl`, in the order of their steps.

    A line describes the steps before it: a freeze between two lines shows in
    the second.

    Args:
        lines: list of dicts, as `RunDirectory.read_metrics` returns them. Of
            two lines of one step the later one counts.
        others: `reference.Reference`, runs of other seeds. Defaults to none.
    """

    def __init__(self, lines: list[dict], others=None):
        self.others = others
        self.bands = others.bands if others else {}
        by_step = {line["step"]: line for line in lines}
        self.lines = [by_step[step] for step in sorted(by_step)]
        self.steps = np.array([line["step"] for line in self.lines], "int64")
        self.targets = [
            wording.target(line.get("target_layer")) for line in self.lines
        ]

    def __len__(self):
        return len(self.lines)

    def column(self, name: str):
        """The values of one key as floats, NaN where there is no number."""
        return np.array([_number(line.get(name)) for line in self.lines])

    def matrix(self, name: str):
        """The lists of one key as rows of floats, NaN where there is none."""
        lists = [line.get(name) for line in self.lines]
        rows = [row if isinstance(row, list) else [] for row in lists]
        width = max(map(len, rows), default=0)
        padded = [row + [None] * (width - len(row)) for row in rows]
        return np.array(
            [[_number(value) for value in row] for row in padded]
        ).reshape(len(rows), width)

    def step_before(self, line: int) -> int:
        """The step at which the steps described by `line` began."""
        return int(self.steps[line - 1]) if line else 0

    def last_step(self) -> int:
        """The newest step that was logged."""
        return int(self.steps[-1]) if len(self) else 0

    def last(self, name: str) -> float | None:
        """The newest finite value of `name`."""
        return _last_finite(self.column(name))

    def target_spans(self) -> list[tuple[int, int, str]]:
        """Runs of lines with one target: first line, end, target."""
        return _spans(self.targets)

    def stages(self) -> list[Stage]:
        """The stages of the run, oldest first."""
        frozen = self.column("frozen_layers")
        frozen = np.where(np.isfinite(frozen), frozen, 0).astype(int)
        return [
            self._stage(first, end, layers)
            for first, end, layers in _spans(frozen.tolist())
        ]

    def events(self) -> list[Stage]:
        """The stages that began with a freeze."""
        stages = self.stages()
        opened_frozen = [s for s in stages[:1] if s.frozen_layers]
        return opened_frozen + [
            stage
            for before, stage in itertools.pairwise(stages)
            if stage.frozen_layers > before.frozen_layers
        ]

    def verdicts(self) -> list[Verdict]:
        """The verdicts, oldest first, one for each change."""
        verdicts = []
        judged = [x for x in self.lines if isinstance(x.get("verdict"), str)]
        for label, group in itertools.groupby(judged, lambda x: x["verdict"]):
            lines = list(group)
            reason = lines[-1].get("verdict_reason") or ""
            verdicts.append(Verdict(lines[0]["step"], label, reason))
        return verdicts

    def flops_ratio(self) -> float | None:
        """Cumulative FLOPs over those of the unfrozen run."""
        run, unfrozen = self.last("flops"), self.last("flops_unfrozen")
        return run / unfrozen if run is not None and unfrozen else None

    def unfrozen_memory(self) -> float | None:
        """Peak memory before the first freeze."""
        first = next(iter(self.stages()), None)
        if first is None or first.frozen_layers:
            return None
        return first.peak_memory_bytes

    def first_broken_step(self) -> int | None:
        """The first step whose loss is NaN or infinity."""
        for line in self.lines:
            loss = line.get("loss")
            if isinstance(loss, float) and not math.isfinite(loss):
                return line["step"]
        return None

    def _stage(self, first: int, end: int, frozen_layers: int) -> Stage:
        part = slice(first, end)
        return Stage(
            step=self.step_before(first),
            frozen_layers=frozen_layers,
            target=self.targets[first],
            stall_seconds=_reduce(np.max, self.column("stall_seconds")[part]),
            step_flops=self._per_step("flops", first, end),
            step_flops_unfrozen=self._per_step("flops_unfrozen", first, end),
            peak_memory_bytes=_last_finite(
                self.column("peak_memory_bytes")[part]
            ),
            clips_per_second=_reduce(
                np.median, self.column("clips_per_second")[part]
            ),
            input_wait=_reduce(np.median, self.column("input_wait")[part]),
            teacher_jump=_last_finite(self.column("teacher_jump")[part]),
        )

    def _per_step(self, name: str, first: int, end: int) -> float | None:
        # Between two lines of one stage the growth is that stage's alone; a
        # stage of one line can only be read against the line before it.
        first = max(first - 1, 0) if end - first == 1 else first
        values, steps = self.column(name)[first:end], self.steps[first:end]
        if len(steps) == 1:
            values, steps = np.append(0, values), np.append(0, steps)
        growth = np.diff(values) / np.diff(steps)
        return _reduce(np.median, growth)


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return float("nan")
    return float(value)


def _reduce(function, values) -> float | None:
    values = values[np.isfinite(values)]
    return float(function(values)) if len(values) else None


def _last_finite(values) -> float | None:
    values = values[np.isfinite(values)]
    return float(values[-1]) if len(values) else None


def _spans(values: list) -> list[tuple]:
    spans, first = [], 0
    for value, group in itertools.groupby(values):
        end = first + len(list(group))
        spans.append((first, end, value))
        first = end
    return spans
