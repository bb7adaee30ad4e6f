"""The section on what each block still learns."""

import numpy as np

from layerlock.report import canvas, cards
from layerlock.report.history import History
from layerlock.report.html import Html, join, tag

FAINTEST = 0.4  # opacity of the first block's line
DRIFTS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)  # of the colours
MAX_COLUMNS = 100  # of the heat map; each of its cells is a path of its own


def layers(history: History) -> Html | None:
    """How weights and features of each block change; None if unknown."""
    norms, drift = weight_norms(history), drift_map(history)
    if norms is None and drift is None:
        return None
    return join(
        tag("h2", "Layers"),
        tag(
            "p",
            "The paper starts freezing when the weight norms of the first "
            "layers flatten. A falling learning rate flattens them, too.",
            class_="muted",
        ),
        cards.grid(
            cards.figure(
                "Change of the weights",
                "The norm of each block's weights, the embedding's with the "
                "first, against its first measurement. A frozen block's "
                "stays level.",
                norms,
                [("faint", "first block"), ("ice", "last block")],
                wide=True,
            ),
            cards.figure(
                "Change of the features",
                "How much each block's features of the same clips changed "
                "since the measurement before: 1 − CKA, which is 0 where "
                "nothing but rotation and scale did. A block grows fainter as "
                f"it settles; it is blank below {DRIFTS[0]:g}, and before "
                "the second measurement.",
                drift,
                _drift_keys(history),
                wide=True,
            ),
        ),
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
            measured = values[~np.isnan(values)]
            if len(measured):
                change = 100 * (values / measured[0] - 1)
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
        The steps between which each was measured, one more than there are,
        and an array `(measurements, blocks)`.
    """
    cka = history.matrix("cka")
    lines = [isinstance(line.get("cka"), list) for line in history.lines]
    drift, ends = 1.0 - cka[lines], history.steps[lines].astype("float64")
    drift[~np.isfinite(drift)] = np.nan
    if not len(ends):
        return ends, drift
    # When the first was compared with something, the second one's wait tells.
    begin = max(2 * ends[0] - ends[1], 0.0) if len(ends) > 1 else 0.0
    every = -(-len(ends) // MAX_COLUMNS)
    first = np.arange(0, len(ends), every)
    edges = np.append(begin, ends)[np.append(first, len(ends))]
    return edges, np.fmax.reduceat(drift, first)


def _drift_keys(history: History) -> list[tuple[str, str]]:
    keys = [("ember", "frozen below")] if history.events() else []
    if np.isnan(drifts(history)[1]).any():
        keys.append(("gap", "unknown, the features being constant or broken"))
    return keys


def _opacities(count: int, lowest: float = FAINTEST):
    return np.linspace(lowest, 1, count) if count > 1 else np.ones(count)
