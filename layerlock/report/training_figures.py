"""Curves of the training section: frozen layers and loss.

A figure is None if the run did not log its numbers.
"""

import numpy as np

from layerlock.report import canvas
from layerlock.report.history import History

ROLES = canvas.ROLES
MIN_SMOOTHED = 100  # lines on one target, for a running mean


def freezing(history: History, num_layers: int | None) -> str | None:
    """The number of frozen layers, and the target layer."""
    frozen = history.column("frozen_layers")
    if not np.isfinite(frozen).any():
        return None
    target = np.nan_to_num(history.column("target_layer"))
    # A fixed teacher may be deeper than the encoder.
    top = max(num_layers or 1, np.nanmax(frozen), np.max(target))
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
            _target_bars(axes, history, target)
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
            ends = history.step_before(first), history.step_before(end)
            canvas.band(axes, history.bands, "loss", *ends)
            _loss_of_one_target(axes, steps[part], values[part])
            _held_out_loss(axes, steps[part], held_out[part])
        good = values[finite]
        if good.min() > 0 and good.max() / good.min() > 20:
            canvas.log_axis(axes)
        _mark_broken(axes, history)
        axes.set_ylabel("loss")
    return drawing.svg


def _target_bars(axes, history: History, target):
    """A bar at the target layer, for each span of steps on one target."""
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
    """The target, its number alone or nothing, depending on the width."""
    number = target.split()[-1]
    if share > 0.011 * len(target):
        return target
    if target.startswith("layer ") and share > 0.011 * len(number):
        return number
    return ""


def _loss_of_one_target(axes, steps, values):
    if len(values) < MIN_SMOOTHED:
        canvas.curve(axes, steps, values)
        return
    canvas.curve(axes, steps, values, linewidth=0.8, alpha=0.35)
    canvas.curve(axes, steps, _smooth(values))


def _held_out_loss(axes, steps, values):
    finite = np.isfinite(values)
    axes.plot(
        steps[finite],
        values[finite],
        color=ROLES["ember"],
        marker="o",
        markersize=3.5,
    )


def _smooth(values, share: float = 0.02):
    """Debiased running mean over the past; NaN where the loss is broken."""
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
    """Crosses at the bottom, at losses that are NaN or infinity."""
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
