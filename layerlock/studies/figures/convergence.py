"""What freezing some layers at some steps did to the final loss."""

import shlex

import numpy as np

from layerlock.runs import wording


def spread(most: int, count: int) -> list[int]:
    """At most `count` numbers of layers, from 1 to all that may freeze.

    >>> spread(6, 4)
    [1, 3, 4, 6]
    """
    numbers = np.linspace(1, most, min(count, most)).round()
    return sorted({int(number) for number in numbers})


def summarise(losses: dict, base: float, tolerance: float) -> dict:
    """Collects the final losses, and finds the first safe step of each layer.

    Args:
        losses: dict from pairs of layer and step to the final loss.
        base: float, the final loss with nothing frozen.
        tolerance: float, share by which a loss may rise.

    Returns:
        A dict for a JSON file: `loss_unfrozen`, `losses` as lists of layer,
        step and loss, `safe` as lists of step and layer, and `flags`, the
        schedule for `pretrain.py`, to be pasted into a shell, empty where no
        layer is ever safe.

    Example:

    >>> losses = {(1, 10): 0.5, (1, 20): 0.5, (2, 10): 0.6, (2, 20): 0.5}
    >>> summarise(losses, base=0.5, tolerance=0.01)["safe"]
    [[10, 1], [20, 2]]
    """
    limit = base * (1 + tolerance)
    first = {}
    for layer in sorted({layer for layer, _ in losses}):
        later = sorted((s for k, s in losses if k == layer), reverse=True)
        for step in later:  # safe from there on, not just by chance
            if not losses[layer, step] <= limit:
                break
            first[layer] = step
    safe = _monotonous(first)
    text = str([tuple(event) for event in safe]).replace(" ", "")
    quoted = shlex.quote(f"--schedule_args=events={text}")
    flags = f"--schedule=piecewise {quoted}"
    return {
        "name": "convergence",
        "loss_unfrozen": base,
        "tolerance": tolerance,
        "losses": [[*pair, loss] for pair, loss in sorted(losses.items())],
        "safe": safe,
        "flags": flags if safe else "",
    }


def _monotonous(first: dict) -> list:
    """Events of a schedule: what freezes more does not come earlier."""
    events = []
    for layer, step in sorted(first.items()):
        if events and events[-1][0] >= step:
            step = events.pop()[0]
        events.append([step, layer])
    return events


def table(found: dict) -> str:
    """The losses as text, a line for every number of layers."""
    steps = sorted({step for _, step, _ in found["losses"]})
    losses = {(layer, step): loss for layer, step, loss in found["losses"]}
    rows = [("frozen at step", *map(wording.count, steps))]
    for layer in sorted({layer for layer, _ in losses}):
        cells = (wording.number(losses[layer, step]) for step in steps)
        rows.append((f"{layer} layers", *cells))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
    lines.append(f"Never frozen: {wording.number(found['loss_unfrozen'])}")
    lines.append(
        f"Safe within {found['tolerance']:.1%}: {found['flags']}"
        if found["safe"]
        else f"Nothing is safe within {found['tolerance']:.1%}."
    )
    return "\n".join(lines)


def draw(found: dict, path):
    """Figure 1 of the paper: final loss over the step of the freeze.

    Args:
        found: what `summarise` returned.
        path: of the PNG.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    layers = sorted({layer for layer, _, _ in found["losses"]})
    for index, layer in enumerate(layers):
        points = [(s, x) for k, s, x in found["losses"] if k == layer]
        steps, losses = zip(*points, strict=True)
        colour = colormaps["viridis"](index / max(len(layers) - 1, 1) * 0.9)
        name = f"{layer} layer{'s' if layer > 1 else ''}"
        axes.plot(steps, losses, "o-", color=colour, label=name)
    axes.axhline(
        found["loss_unfrozen"], color="0.4", ls="--", label="never frozen"
    )
    axes.set_xlabel("step of the freeze")
    axes.set_ylabel("final loss")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)
