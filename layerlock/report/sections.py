"""The curves of the report, and the table of freeze events."""

from layerlock.report import canvas, cards, figures
from layerlock.report.history import History
from layerlock.report.html import Html, join, table, tag
from layerlock.runs import wording

RUN, UNFROZEN = ("ice", "this run"), ("dash", "nothing ever frozen")


def learning(history: History, config: dict) -> Html:
    """What was frozen when, what was predicted, and how well."""
    layers = config.get("model", {}).get("num_layers")
    frost, loss_keys = [("frost", "frozen")], [("ice", "loss")]
    if set(history.targets) != {"pixels"}:
        frost.append(("ember", "layer that is predicted"))
    if history.last("validation_loss") is not None:
        loss_keys.insert(1, ("ember", "held-out loss"))
    return join(
        tag("h2", "Training"),
        tag(
            "p",
            "In every curve over steps, a grey line is a freeze.",
            class_="muted",
        )
        if history.events()
        else None,
        cards.grid(
            cards.figure(
                "Freezing",
                "Layers below the line are frozen and no longer change.",
                figures.freezing(history, layers),
                frost,
                wide=True,
            ),
            cards.figure(
                "Loss",
                _loss_caption(history),
                figures.loss(history),
                loss_keys,
                wide=True,
            ),
            cards.figure(
                "Learning rate",
                "With a mini warm-up after each freeze, if one was asked for.",
                figures.plain_curve(
                    history, "learning_rate", "learning rate", canvas.LOW
                ),
                wide=True,
            ),
            *_probe(history),
        ),
    )


def _probe(history: History) -> list:
    if history.last("probe_top1") is None:
        return []
    return [
        cards.figure(
            "Probe",
            "Share of held-out clips whose class the nearest neighbours of "
            "their features agree on.",
            figures.plain_curve(
                history, "probe_top1", "right answers", canvas.LOW
            ),
            wide=True,
        )
    ]


def cost(history: History) -> Html:
    """Compute and memory against the unfrozen run."""
    return join(
        tag("h2", "Cost"),
        tag("p", _cost_sentence(history), class_="muted"),
        cards.grid(
            cards.figure(
                "Compute so far",
                "Cumulative FLOPs, counted from the sizes of the networks.",
                figures.cumulative_flops(history),
                [RUN, UNFROZEN],
            ),
            cards.figure(
                "Compute of one step",
                "In each stage, the pass that makes the targets included.",
                figures.step_flops(history),
                [RUN, UNFROZEN],
            ),
            cards.figure(
                "Peak memory",
                "Of the compiled step on JAX, else of the device; on a CPU, "
                "PyTorch's is what it keeps for the backward pass.",
                figures.peak_memory(history),
                [RUN, ("dash", "before the first freeze")],
            ),
            cards.figure(
                "Throughput",
                "Clips per second, data loading included.",
                figures.plain_curve(history, "clips_per_second", "clips/s"),
            ),
        ),
        tag("h2", "Freeze events"),
        _events(history),
    )


def _loss_caption(history: History) -> str:
    if len({target for *_, target in history.target_spans()}) < 2:
        return "The mean since the line before, and its running mean."
    return (
        "Each shade is another target, named above. Losses on different "
        "targets are not comparable: a step where the shade changes is a new "
        "task, neither progress nor a setback."
    )


def _cost_sentence(history: History) -> str:
    ratio = history.flops_ratio()
    if ratio is None:
        return "This run has logged no FLOPs."
    if ratio > 1.005:
        return (
            f"So far this run took {ratio - 1:.1%} more compute than one with "
            "nothing frozen: making latent targets from the full clip costs "
            "more than the frozen layers save."
        )
    if ratio < 0.995:
        return (
            f"So far this run took {1 - ratio:.1%} less compute than one with "
            "nothing frozen."
        )
    return "So far this run took as much compute as one with nothing frozen."


def _events(history: History) -> Html:
    events = history.events()
    if not events:
        return tag("p", "No layer was frozen so far.", class_="muted")
    head = [
        "step",
        "frozen layers",
        "target",
        "stall",
        "FLOPs per step",
        "against unfrozen",
        "peak memory",
    ]
    text = (
        "Step: the last log line before the freeze, which came there or "
        "before the next line. Stall: how long it held training up, "
        "recompilation included."
    )
    rows = [_event_row(event) for event in events]
    jumps = [event.teacher_jump for event in events]
    if any(jump is not None for jump in jumps):
        head.append("teacher jump")
        text += (
            " Teacher jump: what the freeze changed in the teacher's features, "
            "over their length, at the newest frozen layer, which encoder and "
            "teacher share from then on."
        )
        for row, jump in zip(rows, jumps, strict=True):
            row.append("unknown" if jump is None else f"{jump:.2f}")
    return tag(
        "div",
        tag("p", text, class_="muted"),
        table(head, rows),
        class_="card numbers",
    )


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
