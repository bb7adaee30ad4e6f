"""The section on the changes of each block."""

import numpy as np

from layerlock.report import canvas
from layerlock.report.cards import Figure, Section
from layerlock.report.history import History

FAINTEST = 0.4  # opacity of the first block's line
DRIFTS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)  # of the colours
MAX_COLUMNS = 100  # of the heat map; each of its cells is a path of its own


def layers(history: History) -> Section | None:
    """How weights and features of each block change; None if not logged."""
    norms, drift = weight_norms(history), drift_map(history)
    if norms is None and drift is None:
        return None
    return Section(
        "Layers",
        "The paper starts freezing when the weight norms of the first layers "
        "flatten. A falling learning rate flattens them, too.",
        [
            Figure(
                "Change of the weights",
                "Norm of each block's weights, relative to its first "
                "measurement. The first block includes the patch embedding. "
                "The norm of a frozen block is constant.",
                norms,
                [("faint", "first block"), ("ice", "last block")],
                is_wide=True,
            ),
            Figure(
                "Change of the features",
                "1 − CKA of each block's features of the same clips at two "
                "successive measurements; 0 means no change except rotation "
                f"and scale. Blank: below {DRIFTS[0]:g}, or before the second "
                "measurement.",
                drift,
                _drift_legend(history),
                is_wide=True,
            ),
        ],
    )


def weight_norms(history: History) -> str | None:
    """The norm of each block's weights, a line per block."""
    norms = history.matrix("weight_norms")
    norms[~np.isfinite(norms) | (norms <= 0)] = np.nan
    if np.isnan(norms).all():
        return None
    count = norms.shape[1]
    with canvas.draw("weights", "Weight norms", canvas.WIDE) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        for opacity, values in zip(_opacities(count), norms.T, strict=True):
            finite = values[~np.isnan(values)]
            if len(finite):
                change = 100 * (values / finite[0] - 1)
                canvas.curve(
                    axes, history.steps, change, alpha=opacity, linewidth=1.2
                )
        axes.set_ylabel("change in %")
    return drawing.svg


def drift_map(history: History) -> str | None:
    """1 - CKA of each block as colours: blocks over steps."""
    edges, drift = drifts(history)
    if np.isnan(drift).all():
        return None
    matplotlib = canvas.require_matplotlib()
    count = drift.shape[1]
    colours = matplotlib.colors.ListedColormap(
        [
            matplotlib.colors.to_rgba(canvas.ROLES["ice"], opacity)
            for opacity in _opacities(len(DRIFTS) - 1, lowest=0.08)
        ]
    ).with_extremes(under=(0, 0, 0, 0), bad=canvas.ROLES["event"])
    with canvas.draw("drift", "Drift of each block", canvas.WIDE) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, history.steps, history.events())
        mesh = axes.pcolormesh(
            edges,
            np.arange(count + 1) + 0.5,
            drift.T,
            cmap=colours,
            norm=matplotlib.colors.BoundaryNorm(DRIFTS, len(DRIFTS) - 1),
            zorder=0.5,
        )
        if history.events():
            frozen = np.nan_to_num(history.column("frozen_layers"))
            canvas.stairs(axes, history.steps, frozen + 0.5, "ember")
            axes.set_ylim(0.5, count + 0.5)
        bar = drawing.figure.colorbar(mesh, ax=axes, pad=0.01, aspect=14)
        bar.set_ticks(DRIFTS[::2], labels=[f"{x:g}" for x in DRIFTS[::2]])
        bar.outline.set_visible(False)
        axes.grid(False)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel("block")
    return drawing.svg


def drifts(history: History):
    """1 - CKA of each measurement, at most `MAX_COLUMNS` of them.

    Returns:
        The edges of the measured spans of steps, one more than measurements,
        and an array `(measurements, blocks)`.
    """
    cka = history.matrix("cka")
    lines = [isinstance(line.get("cka"), list) for line in history.lines]
    drift, ends = 1.0 - cka[lines], history.steps[lines].astype("float64")
    drift[~np.isfinite(drift)] = np.nan
    if not len(ends):
        return ends, drift
    # The first interval is unknown; the second one is a good estimate.
    begin = max(2 * ends[0] - ends[1], 0.0) if len(ends) > 1 else 0.0
    every = -(-len(ends) // MAX_COLUMNS)
    first = np.arange(0, len(ends), every)
    edges = np.append(begin, ends)[np.append(first, len(ends))]
    return edges, np.fmax.reduceat(drift, first)


def _drift_legend(history: History) -> list[tuple[str, str]]:
    legend = [("ember", "frozen below")] if history.events() else []
    if np.isnan(drifts(history)[1]).any():
        legend.append(("gap", "unknown: features constant or not finite"))
    return legend


def _opacities(count: int, lowest: float = FAINTEST):
    return np.linspace(lowest, 1, count) if count > 1 else np.ones(count)
