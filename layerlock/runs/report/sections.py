"""The curves of the report, and the table of freeze events."""

from layerlock.runs import wording
from layerlock.runs.report import canvas, figures
from layerlock.runs.report.history import History
from layerlock.runs.report.html import Html, join, table, tag

RUN, UNFROZEN = ("ice", "this run"), ("dash", "nothing ever frozen")

MONITORS = (
    (
        "feature_std",
        "Spread of the features",
        "How far the LayerNorm-ed features of different tokens lie apart: "
        "0.4 to 0.9 is healthy, near 0 every token is the same vector.",
    ),
    (
        "effective_rank",
        "Effective rank",
        "How many directions the features use: a fall towards 1 is a "
        "collapse, but noise has full rank too, so read it beside the spread.",
    ),
    (
        "target_std",
        "Spread of the targets",
        "How much there is to predict: near 0 the task has become trivial; a "
        "step when the target changes is expected.",
    ),
    (
        "grad_norm",
        "Gradient norm",
        "Before clipping, over the layers that still train: it steps at a "
        "freeze; growth that does not settle comes before divergence.",
    ),
)


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
        _grid(
            _figure(
                "Freezing",
                "Layers below the line are frozen and no longer change.",
                figures.freezing(history, layers),
                frost,
                wide=True,
            ),
            _figure(
                "Loss",
                _loss_caption(history),
                figures.loss(history),
                loss_keys,
                wide=True,
            ),
            _figure(
                "Learning rate",
                "With a mini warm-up after each freeze, if one was asked for.",
                figures.plain_curve(
                    history, "learning_rate", "learning rate", canvas.LOW
                ),
                wide=True,
            ),
        ),
    )


def cost(history: History) -> Html:
    """Compute and memory against the unfrozen run."""
    return join(
        tag("h2", "Cost"),
        tag("p", _cost_sentence(history), class_="muted"),
        _grid(
            _figure(
                "Compute so far",
                "Cumulative FLOPs, counted from the sizes of the networks.",
                figures.cumulative_flops(history),
                [RUN, UNFROZEN],
            ),
            _figure(
                "Compute of one step",
                "In each stage, the pass that makes the targets included.",
                figures.step_flops(history),
                [RUN, UNFROZEN],
            ),
            _figure(
                "Peak memory",
                "Of the device, or of the compiled step on a CPU.",
                figures.peak_memory(history),
                [RUN, ("dash", "before the first freeze")],
            ),
            _figure(
                "Throughput",
                "Clips per second, data loading included.",
                figures.plain_curve(history, "clips_per_second", "clips/s"),
            ),
        ),
        tag("h2", "Freeze events"),
        _events(history),
    )


def health(history: History) -> Html:
    """The monitors that show a collapse."""
    return join(
        tag("h2", "Collapse monitors"),
        tag(
            "p",
            "A latent loss can fall because the targets became trivial. "
            "These numbers tell that apart from learning.",
            class_="muted",
        ),
        _grid(
            *(
                _figure(
                    title,
                    text,
                    figures.plain_curve(history, name, name),
                )
                for name, title, text in MONITORS
            )
        ),
    )


def _grid(*figures) -> Html:
    return tag("div", *figures, class_="grid")


def _figure(title, text, svg, keys=(), wide=False) -> Html:
    if svg is None:
        body = tag("p", "Not logged in this run.", class_="muted")
    else:
        body = join(
            tag(
                "div",
                [tag("span", n, class_=k) for k, n in keys],
                class_="keys",
            ),
            tag("div", Html(svg), class_="scroll"),
        )
    return tag(
        "figure",
        tag("h3", title),
        tag("figcaption", text),
        body,
        class_="card wide" if wide else "card",
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
    head = (
        "step",
        "frozen layers",
        "target",
        "stall",
        "FLOPs per step",
        "against unfrozen",
        "peak memory",
    )
    return tag(
        "div",
        tag(
            "p",
            "Step: the last log line before the freeze, which came there or "
            "before the next line. Stall: how long it held training up, "
            "recompilation included.",
            class_="muted",
        ),
        table(head, [_event_row(event) for event in events]),
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
