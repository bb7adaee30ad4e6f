"""Curves of the sections on cost and health, and of any metric.

A figure is None if the run did not log its numbers.
"""

import numpy as np

from layerlock.report import canvas
from layerlock.report.history import History

ROLES = canvas.ROLES


def cumulative_flops(history: History) -> str | None:
    """FLOPs so far against those of the unfrozen run."""
    run, unfrozen = history.column("flops"), history.column("flops_unfrozen")
    if not np.isfinite(run).any():
        return None
    with canvas.draw("flops", "Cumulative FLOPs") as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        canvas.curve(axes, history.steps, unfrozen, "ember", linestyle="--")
        canvas.curve(axes, history.steps, run)
        axes.set_ylim(bottom=0)
        canvas.unit_axis(axes, np.append(run, unfrozen), "FLOPs")
    return drawing.svg


def step_flops(history: History) -> str | None:
    """FLOPs of one step in each stage."""
    stages = [s for s in history.stages() if s.step_flops is not None]
    if not stages:
        return None
    costs = np.array([stage.step_flops for stage in stages])
    unfrozen = [stage.step_flops_unfrozen for stage in stages]
    with canvas.draw("step-flops", "FLOPs of a step per stage") as drawing:
        axes = drawing.axes
        places = np.arange(len(stages))
        axes.bar(places, costs, color=ROLES["ice"], width=0.72)
        levels = np.array([np.nan if u is None else u for u in unfrozen])
        for place, level in zip(places, levels, strict=True):
            ends = [place - 0.5, place + 0.5]
            axes.plot(ends, [level] * 2, "--", color=ROLES["ember"])
        every = -(-len(stages) // 16)
        axes.set_xticks(
            places[::every],
            [str(stage.frozen_layers) for stage in stages[::every]],
        )
        axes.set_xlim(-0.6, max(len(stages), 4) - 0.4)
        axes.set_xlabel("frozen layers")
        canvas.unit_axis(axes, np.append(costs, levels), "FLOPs")
    return drawing.svg


def peak_memory(history: History) -> str | None:
    """Peak memory against the level before the first freeze."""
    values = history.column("peak_memory_bytes")
    if not np.isfinite(values).any():
        return None
    power = min(int(np.log2(max(np.nanmax(values), 1)) // 10), 3)
    with canvas.draw("memory", "Peak memory over steps") as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        level = history.unfrozen_memory()
        if level is not None:
            axes.axhline(
                level / 1024**power, color=ROLES["ember"], linestyle="--"
            )
        canvas.stairs(axes, history.steps, values / 1024**power)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(("B", "KiB", "MiB", "GiB")[power])
    return drawing.svg


def plain_curve(
    history: History, name: str, label: str, size=canvas.SMALL
) -> str | None:
    """Any one column over steps.

    Args:
        history: the run.
        name: the key of the metric.
        label: the y axis.
        size: of the drawing, in inches.
    """
    values = _finite_column(history, name)
    if np.isnan(values).all():
        return None
    title = f"{label} over steps"
    with canvas.draw(name.replace("_", "-"), title, size) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        canvas.band(axes, history.bands, name)
        finite = np.isfinite(values)  # a log line may lack some metrics
        canvas.curve(axes, history.steps[finite], values[finite])
        if name in ("grad_norm", "raw_feature_std"):
            _log_scale_if_wide(axes, values)
        else:
            axes.set_ylim(bottom=min(0, np.nanmin(values)))
        axes.set_ylabel(label)
    return drawing.svg


def spread(history: History, name: str, lowest=None, levels=()) -> str | None:
    """The spread of features or targets, with the levels of a collapse.

    Args:
        history: the run.
        name: the key of the mean spread.
        lowest: the key of the minimum over features.
        levels: pairs of a role and a spread, drawn as dashed lines.
    """
    values = _finite_column(history, name)
    if np.isnan(values).all():
        return None
    title = f"{name} over steps"
    with canvas.draw(name.replace("_", "-"), title) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        canvas.band(axes, history.bands, name)
        for role, level in levels:
            axes.axhline(
                level, color=ROLES[role], linestyle="--", linewidth=0.9
            )
        if lowest is not None:
            least = _finite_column(history, lowest)
            canvas.curve(axes, history.steps, least, linewidth=0.7)
        canvas.curve(axes, history.steps, values)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(name)
    return drawing.svg


def cosines(history: History) -> str | None:
    """Cosines of predictions and targets, and of different clips."""
    prediction = _finite_column(history, "prediction_cosine")
    clips = _finite_column(history, "clip_cosine")
    both = np.append(prediction, clips)
    if np.isnan(both).all():
        return None
    with canvas.draw("cosines", "Cosines over steps") as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        canvas.curve(axes, history.steps, clips, "ember")
        canvas.curve(axes, history.steps, prediction)
        axes.set_ylim(min(0, np.nanmin(both)), 1.04)
        axes.set_ylabel("cosine")
    return drawing.svg


def _finite_column(history: History, name: str):
    values = history.column(name)
    return np.where(np.isfinite(values), values, np.nan)


def _log_scale_if_wide(axes, values):
    positive = values[values > 0]
    if len(positive) and positive.max() / positive.min() > 50:
        canvas.log_axis(axes)
    else:
        axes.set_ylim(bottom=0)
