"""The sections on training, its cost and the freeze events."""

from layerlock.report import canvas, figures, training_figures
from layerlock.report.cards import Figure, Section, Table
from layerlock.report.history import History
from layerlock.runs import wording

RUN, UNFROZEN = ("ice", "this run"), ("dash", "unfrozen run")
EVENT_COLUMNS = [
    "step",
    "frozen layers",
    "target",
    "stall",
    "FLOPs per step",
    "relative to unfrozen",
    "peak memory",
]


def training(history: History, config: dict) -> Section:
    """Frozen layers, targets, loss and learning rate."""
    layers = config.get("model", {}).get("num_layers")
    freezing_legend, loss_legend = [("frost", "frozen")], [("ice", "loss")]
    if set(history.targets) != {"pixels"}:
        freezing_legend.append(("ember", "target layer"))
    if history.last("validation_loss") is not None:
        loss_legend.append(("ember", "held-out loss"))
    cards = [
        Figure(
            "Freezing",
            "Layers below the line are frozen and no longer change.",
            training_figures.freezing(history, layers),
            freezing_legend,
            is_wide=True,
        ),
        Figure(
            "Loss",
            _loss_caption(history),
            training_figures.loss(history),
            loss_legend,
            is_wide=True,
        ),
        Figure(
            "Learning rate",
            "The mini warm-up after each freeze, if enabled, is included.",
            figures.plain_curve(
                history, "learning_rate", "learning rate", canvas.LOW
            ),
            is_wide=True,
        ),
    ]
    if history.last("held_out_prediction") is not None:
        cards.append(_held_out(history))
    if history.last("probe_top1") is not None:
        cards.append(_probe(history))
    return Section("Training", " ".join(_marks(history)), cards)


def _marks(history: History) -> list[str]:
    """Sentences about what is grey in the curves."""
    marks = []
    if history.events():
        marks.append("Grey vertical lines mark freezes, in all curves.")
    if history.others:
        marks.append(
            f"Grey bands are the range of {len(history.others.seeds)} runs of "
            "the same options with other seeds, which come with the package."
        )
    return marks


def cost(history: History) -> Section:
    """Compute and memory against the unfrozen run."""
    return Section(
        "Cost",
        _cost_sentence(history),
        [
            Figure(
                "Compute so far",
                "Cumulative FLOPs, computed from the sizes of the networks.",
                figures.cumulative_flops(history),
                [RUN, UNFROZEN],
            ),
            Figure(
                "Compute of one step",
                "FLOPs in each stage, including the pass that computes the "
                "targets.",
                figures.step_flops(history),
                [RUN, UNFROZEN],
            ),
            Figure(
                "Peak memory",
                "JAX: memory of the compiled step. PyTorch and TensorFlow: "
                "peak of the GPU. PyTorch on a CPU: weights, gradients and "
                "saved activations.",
                figures.peak_memory(history),
                [RUN, ("dash", "before the first freeze")],
            ),
            Figure(
                "Throughput",
                "Clips per second, including data loading.",
                figures.plain_curve(history, "clips_per_second", "clips/s"),
            ),
        ],
    )


def freeze_events(history: History) -> Section:
    """A table with one row per freeze."""
    events = history.events()
    if not events:
        return Section("Freeze events", "No layer has been frozen yet.")
    head = list(EVENT_COLUMNS)
    text = (
        "Step: the last log line before the freeze. Stall: time without "
        "training because of the freeze, including recompilation."
    )
    rows = [_event_row(event) for event in events]
    jumps = [event.teacher_jump for event in events]
    if any(jump is not None for jump in jumps):
        head.append("teacher jump")
        text += (
            " Teacher jump: relative change of the teacher's features at the "
            "newest frozen layer, which encoder and teacher share after the "
            "freeze."
        )
        for row, jump in zip(rows, jumps, strict=True):
            row.append("unknown" if jump is None else f"{jump:.2f}")
    return Section("Freeze events", text, table=Table(head, rows))


def _held_out(history: History) -> Figure:
    return Figure(
        "Held-out prediction",
        "Share of the change of pixels that features predict linearly, from "
        "the first half of fixed clips to the next moment. It means the same "
        "for all objectives and targets; 0 is no better than the mean.",
        figures.plain_curve(
            history, "held_out_prediction", "share predicted", canvas.LOW
        ),
        is_wide=True,
    )


def _probe(history: History) -> Figure:
    return Figure(
        "Probe",
        "Top-1 accuracy of a nearest-neighbour vote on features of held-out "
        "clips.",
        figures.plain_curve(
            history, "probe_top1", "top-1 accuracy", canvas.LOW
        ),
        is_wide=True,
    )


def _loss_caption(history: History) -> str:
    if len({target for *_, target in history.target_spans()}) < 2:
        return "Mean since the previous log line, and its running mean."
    return (
        "Shades mark the targets, which are named above the curve. Losses on "
        "different targets are not comparable: a jump between two shades is "
        "neither progress nor a setback."
    )


def _cost_sentence(history: History) -> str:
    ratio = history.flops_ratio()
    if ratio is None:
        return "This run has logged no FLOPs."
    if ratio > 1.005:
        return (
            f"So far, this run used {ratio - 1:.1%} more compute than an "
            "unfrozen run. Latent targets need a pass over the full clip, "
            "which costs more than the frozen layers save."
        )
    if ratio < 0.995:
        return (
            f"So far, this run used {1 - ratio:.1%} less compute than an "
            "unfrozen run."
        )
    return "So far, this run used as much compute as an unfrozen run."


def _event_row(event) -> list[str]:
    ratio = None
    if event.step_flops is not None and event.step_flops_unfrozen:
        ratio = f"{event.step_flops / event.step_flops_unfrozen:.2f}×"
    stall = event.stall_seconds
    return [
        wording.count(event.step),
        str(event.frozen_layers),
        event.target,
        "unknown" if stall is None else f"{stall:.2f} s",
        wording.scaled(event.step_flops, "FLOPs"),
        ratio or "unknown",
        wording.memory(event.peak_memory_bytes),
    ]
