"""A run with freezes beside the same run without: numbers and a picture."""

import importlib.util

import numpy as np

from layerlock.report.history import History
from layerlock.runs import wording

LAST = 0.1  # share of the run whose losses are averaged


def require_matplotlib():
    """Raises if there is nothing to draw with."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(
            "The picture is drawn with matplotlib, which is not installed. "
            'To install it: pip install "layerlock[report]"'
        )


def compare(freezing, never) -> dict:
    """What freezing cost, over what the run without a freeze cost.

    Args:
        freezing: lines of the log of the run with freezes.
        never: lines of the log of the other one.

    Returns:
        A dict: `ratio`, with `low` and `high`, of the FLOPs counted from
        sizes; of FLOPs by the compiler, peak memory in the last stage and
        seconds, `None` where they are not known; and both final losses.
    """
    flops = _ratio(freezing[-1], never[-1], "flops")
    ratio = {"name": "savings", "ratio": flops, "low": flops, "high": flops}
    return ratio | {
        "compiled_flops_ratio": _divide(
            compiled_flops(freezing)[-1], compiled_flops(never)[-1]
        ),
        "peak_memory_ratio": _ratio(
            freezing[-1], never[-1], "peak_memory_bytes"
        ),
        "seconds_ratio": _ratio(freezing[-1], never[-1], "seconds"),
        "stall_seconds": sum(line["stall_seconds"] for line in freezing),
        "flops": freezing[-1]["flops"],
        "flops_unfrozen": never[-1]["flops"],
        "loss": final_loss(freezing),
        "loss_unfrozen": final_loss(never),
    }


def table(found) -> str:
    """The comparison in words.

    Args:
        found: what `compare` returned.
    """
    rows = [
        ("FLOPs, counted", found["ratio"]),
        ("FLOPs, by the compiler", found["compiled_flops_ratio"]),
        ("peak memory, last stage", found["peak_memory_ratio"]),
        ("seconds, one run after the other", found["seconds_ratio"]),
    ]
    lines = [
        f"{name:34} {'not known' if value is None else f'{value:.3f}'}"
        for name, value in rows
    ]
    losses = (found["loss"], found["loss_unfrozen"])
    after, before = map(wording.number, losses)
    return "\n".join(
        [
            "With freezes over without:",
            *lines,
            f"{'final loss':34} {after}, without {before}",
        ]
    )


def final_loss(lines) -> float | None:
    """The last held-out loss, or else the mean of the last losses."""
    history = History(lines)
    held_out = history.last("validation_loss")
    if held_out is not None:
        return held_out
    losses = history.column("loss")
    return float(losses[-max(1, round(LAST * len(losses))) :].mean())


def compiled_flops(lines) -> np.ndarray:
    """FLOPs so far by the compiler's count; NaN where it says nothing."""
    history = History(lines)
    steps = np.diff(history.steps, prepend=0)
    return np.cumsum(steps * history.column("compiled_step_flops"))


def draw(freezing, never, path):
    """Figure 3 of the paper: FLOPs, memory, time and loss over steps.

    Args:
        freezing: lines of the log of the run with freezes.
        never: lines of the log of the other one.
        path: of the PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = {
        "flops": ("cumulative FLOPs", 1e15, "PFLOPs"),
        "peak_memory_bytes": ("peak memory of a step", 2**20, "MiB"),
        "seconds": ("training time", 60, "minutes"),
        "validation_loss": ("held-out loss", 1, ""),
    }
    runs = {
        "with freezes": (History(freezing), "C0", "-"),
        "never frozen": (History(never), "C1", "--"),
    }
    events = runs["with freezes"][0].events()
    for axes, (column, (title, unit, label)) in zip(
        figure.subplots(2, 2).flat, panels.items(), strict=True
    ):
        for event in events:
            axes.axvline(event.step, color="0.75", linewidth=0.8)
        for name, (history, colour, style) in runs.items():
            values, what = history.column(column), column
            if column == "validation_loss" and not np.isfinite(values).any():
                values, what, title = history.column("loss"), "loss", "loss"
            known = np.isfinite(values)
            axes.plot(
                history.steps[known],
                values[known] / unit,
                style,
                color=colour,
                label=name,
            )
        if not what.endswith("loss"):
            axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, dpi=130)


def _ratio(ours, theirs, name):
    return _divide(ours.get(name), theirs.get(name))


def _divide(ours, theirs):
    if not ours or not theirs or not np.isfinite(ours / theirs):
        return None
    return float(ours / theirs)
