"""The parts of the report below its summary."""

from layerlock.runs import configuration, pictures, wording
from layerlock.runs.report import canvas, figures, strips
from layerlock.runs.report.history import History
from layerlock.runs.report.html import Html, inline, join, table, tag

RUN, UNFROZEN = ("ice", "this run"), ("dash", "nothing ever frozen")
EVENT = ("event", "a freeze")

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
    frost, loss_keys = [("frost", "frozen")], [("ice", "loss"), EVENT]
    if set(history.targets) != {"pixels"}:
        frost.append(("ember", "layer that is predicted"))
    if history.last("validation_loss") is not None:
        loss_keys.insert(1, ("ember", "held-out loss"))
    return join(
        tag("h2", "Training"),
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
                [EVENT],
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
                [RUN, UNFROZEN, EVENT],
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
                [RUN, ("dash", "before the first freeze"), EVENT],
            ),
            _figure(
                "Throughput",
                "Clips per second, data loading included.",
                figures.plain_curve(history, "clips_per_second", "clips/s"),
                [EVENT],
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
                    [EVENT],
                )
                for name, title, text in MONITORS
            )
        ),
    )


def images(run, history: History) -> Html | None:
    """Reconstructions, and features as colours."""
    return join(_reconstruction(run, history), _features(run))


def files(listing: dict | None) -> Html | None:
    """Files that could not be read, clips that were short or replaced."""
    if listing is None:
        return None
    unreadable = listing.get("unreadable", [])
    counts = [
        ("files", len(listing.get("files", []))),
        ("unreadable files", len(unreadable)),
        ("clips shorter than asked, holding their last frame", "short_clips"),
        ("clips replaced by another, the file being unreadable", "replaced"),
    ]
    rows = [
        [wording.count(value), name]
        for name, key in counts
        if (value := listing.get(key) if isinstance(key, str) else key)
        is not None
    ]
    problems = [[file["path"], file["reason"]] for file in unreadable]
    return join(
        tag("h2", "Data files"),
        tag(
            "div",
            tag("ul", [tag("li", f"{n} {name}") for n, name in rows]),
            table(["unreadable file", "reason"], problems)
            if problems
            else None,
            class_="card",
        ),
    )


def reproduction(path, config: dict) -> Html:
    """The commands, the versions and every flag."""
    command = config.get("command")
    flags = config.get("flags", {})
    rest = {key: config[key] for key in config if key != "flags"}
    return join(
        tag("h2", "How to repeat it"),
        tag(
            "div",
            _command("The command that made this run", command),
            _command(
                "To resume it",
                command and configuration.resume_command(command, path),
            ),
            tag(
                "details",
                tag("summary", "Full configuration"),
                _key_values("flag", flags),
                _key_values("environment", rest),
            ),
            class_="card",
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
        class_="card",
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


def _reconstruction(run, history: History) -> Html | None:
    arrays = pictures.load(run, pictures.RECONSTRUCTION)
    if arrays is None:
        return None
    step = int(arrays["step"])
    text = f"Predicted pixels in the hidden patches, at step {step:,}."
    if len(history) and history.targets[-1] != "pixels":
        text += " The run has since moved on to latent targets."
    return _pictures(
        "Reconstructions", text, strips.reconstruction_strips(arrays)
    )


def _features(run) -> Html | None:
    arrays = pictures.load(run, pictures.FEATURES)
    if arrays is None:
        return None
    text = (
        f"The three main directions of the features of `{arrays['layer']}` "
        f"at step {int(arrays['step']):,}, as red, green and blue. One colour "
        "means the same in all clips and frames; things that look alike to "
        "the encoder have the same colour."
    )
    return _pictures("Features", text, strips.feature_strips(arrays))


def _pictures(title: str, text: str, clips: list) -> Html:
    return join(
        tag("h2", title),
        tag("p", inline(text), class_="muted"),
        tag("div", [_clip(rows) for rows in clips], class_="card"),
    )


def _clip(rows: list[tuple[str, str]]) -> Html:
    return tag(
        "div",
        [
            tag(
                "div",
                tag("span", label),
                tag("img", src=src, alt=label),
                class_="row",
            )
            for label, src in rows
        ],
        class_="clip",
    )


def _command(title: str, command: str | None) -> Html | None:
    if not command:
        return None
    return join(tag("h3", title), tag("pre", command))


def _key_values(title: str, values: dict) -> Html:
    rows = [[tag("code", key), str(value)] for key, value in values.items()]
    return table([title, "value"], rows)
