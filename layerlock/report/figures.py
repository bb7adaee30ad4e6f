"""The report's curves: each function draws one of them from a history.

A figure whose numbers the run does not have is None.
"""

import numpy as np

from layerlock.report import canvas
from layerlock.report.history import History

ROLES = canvas.ROLES
SMOOTHED = 100  # lines on one target from which a running mean is drawn


def freezing(history: History, num_layers: int | None) -> str | None:
    """How many layers are frozen, and which layer is predicted."""
    frozen = history.column("frozen_layers")
    if not np.isfinite(frozen).any():
        return None
    target = np.nan_to_num(history.column("target_layer"))
    top = num_layers or max(np.nanmax(frozen), np.max(target), 1)
    with canvas.draw("freezing", "Frozen layers", canvas.WIDE) as drawing:
        axes, steps = drawing.axes, history.steps
        canvas.step_axis(axes, steps, history.events())
        axes.fill_between(
            *canvas.thin(*canvas.from_the_start(steps, frozen)),
            step="pre",
            color=ROLES["frost"],
            linewidth=0,
        )
        canvas.stairs(axes, steps, frozen)
        if target.any():
            _target_dots(axes, history, target)
        axes.set_ylim(0, top + 0.4)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel("layer")
    return drawing.svg


def loss(history: History) -> str | None:
    """The loss, cut where the target changes."""
    values = history.column("loss")
    finite = np.isfinite(values)
    if not finite.any():
        return None
    with canvas.draw("loss", "Loss over steps", canvas.WIDE) as drawing:
        axes, steps = drawing.axes, history.steps
        canvas.step_axis(axes, steps, history.events())
        _shade_targets(axes, history)
        held_out = history.column("validation_loss")
        for first, end, _ in history.target_spans():
            part = slice(first, end)
            _loss_of_one_target(axes, steps[part], values[part])
            _held_out_loss(axes, steps[part], held_out[part])
        good = values[finite]
        if good.min() > 0 and good.max() / good.min() > 20:
            canvas.log_axis(axes)
        _mark_broken(axes, history)
        axes.set_ylabel("loss")
    return drawing.svg


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
    """What one step costs in each stage."""
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
        known = np.isfinite(values)  # not every log line has every number
        canvas.curve(axes, history.steps[known], values[known])
        if name in ("grad_norm", "raw_feature_std"):
            _log_scale_if_wide(axes, values)
        else:
            axes.set_ylim(bottom=min(0, np.nanmin(values)))
        axes.set_ylabel(label)
    return drawing.svg


def spread(history: History, name: str, lowest=None, levels=()) -> str | None:
    """The spread of features or targets, and where a collapse begins.

    Args:
        history: the run.
        name: the key of the mean spread.
        lowest: the key of the spread of what varies least.
        levels: pairs of a role and a spread, drawn as dashed lines.
    """
    values = _finite_column(history, name)
    if np.isnan(values).all():
        return None
    title = f"{name} over steps"
    with canvas.draw(name.replace("_", "-"), title) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
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
    """Predictions against targets, and clips against each other."""
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


def _target_dots(axes, history: History, target):
    """A bar at the layer that is predicted, for as long as it is."""
    for first, end, _ in history.target_spans():
        if target[first]:
            axes.plot(
                [history.step_before(first), history.step_before(end)],
                [target[first]] * 2,
                color=ROLES["ember"],
                linewidth=3,
                solid_capstyle="butt",
            )


def _shade_targets(axes, history: History):
    left, right = canvas.step_limits(history.steps)
    spans = history.target_spans()
    for index, (first, end, target) in enumerate(spans):
        start, stop = history.step_before(first), history.step_before(end)
        if index % 2:
            axes.axvspan(
                start, stop, color=ROLES["frost"], alpha=0.45, linewidth=0
            )
        label = _fitting_label(target, (stop - start) / (right - left))
        axes.text(
            (start + stop) / 2,
            1.02,
            label,
            transform=axes.get_xaxis_transform(),
            horizontalalignment="center",
            color=ROLES["muted"],
        )


def _fitting_label(target: str, share: float) -> str:
    """The target, its number alone, or nothing, as the width allows."""
    number = target.split()[-1]
    if share > 0.011 * len(target):
        return target
    if target.startswith("layer ") and share > 0.011 * len(number):
        return number
    return ""


def _loss_of_one_target(axes, steps, values):
    if len(values) < SMOOTHED:
        canvas.curve(axes, steps, values)
        return
    canvas.curve(axes, steps, values, linewidth=0.8, alpha=0.35)
    canvas.curve(axes, steps, _smooth(values))


def _held_out_loss(axes, steps, values):
    measured = np.isfinite(values)
    axes.plot(
        steps[measured],
        values[measured],
        color=ROLES["ember"],
        marker="o",
        markersize=3.5,
    )


def _smooth(values, share: float = 0.02):
    """Running mean over the past, debiased; a broken loss breaks it."""
    keep = 1 - 1 / max(share * len(values), 3)
    total = weight = 0.0
    means = np.empty(len(values))
    for index, value in enumerate(values):
        if np.isfinite(value):
            total = keep * total + (1 - keep) * value
            weight = keep * weight + (1 - keep)
        means[index] = total / weight if np.isfinite(value) else np.nan
    return means


def _mark_broken(axes, history: History):
    """Crosses at the bottom, where a loss was written as NaN or infinity."""
    losses = np.array([line.get("loss") or 0.0 for line in history.lines])
    broken = history.steps[~np.isfinite(losses)]
    if not len(broken):
        return
    axes.plot(
        broken,
        np.zeros(len(broken)),
        linestyle="none",
        marker="x",
        color=ROLES["alarm"],
        clip_on=False,
        transform=axes.get_xaxis_transform(),
    )


def _log_scale_if_wide(axes, values):
    positive = values[values > 0]
    if len(positive) and positive.max() / positive.min() > 50:
        canvas.log_axis(axes)
    else:
        axes.set_ylim(bottom=0)
