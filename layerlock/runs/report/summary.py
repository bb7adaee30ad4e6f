"""The top of the report: what was run, and what came of it."""

import math
from pathlib import Path

from layerlock.runs import wording
from layerlock.runs.report.history import History
from layerlock.runs.report.html import Html, inline, tag

COLLAPSED_STD = 0.05  # of LayerNorm-ed features; healthy ones are above 0.4


def header(path: Path, config: dict, history: History) -> Html:
    """The name of the run, its facts, its figures, and what to look at."""
    return tag(
        "header",
        tag("div", "LayerLock · pre-training", class_="brand"),
        tag("h1", path.resolve().name),
        _facts(config),
        _tiles(config, history),
        [_notice(text, alarm) for text, alarm in notices(config, history)],
    )


def notices(config: dict, history: History) -> list[tuple[str, bool]]:
    """Sentences on what a reader must know, and whether it is alarming."""
    found = (
        (_broken_loss(history), True),
        (_collapse(history), True),
        (_unfinished(config, history), False),
        (_resumed(config), False),
    )
    return [(text, alarm) for text, alarm in found if text]


def _broken_loss(history: History) -> str | None:
    step = history.first_broken_step()
    if step is None:
        return None
    return (
        f"The loss is not finite at step {wording.count(step)}. The curves "
        "leave such steps out. A lower `--learning_rate`, a longer "
        "`--warmup_steps` or a `--gradient_clip` is the usual remedy."
    )


def _collapse(history: History) -> str | None:
    spread = history.last("feature_std")
    if spread is None or spread >= COLLAPSED_STD:
        return None
    return (
        f"The features look collapsed: `feature_std` is "
        f"{wording.number(spread)} at the end, close to every token being "
        "the same vector."
    )


def _unfinished(config: dict, history: History) -> str | None:
    total, reached = _total_steps(config), history.last_step()
    if not total or reached >= total:
        return None
    return (
        f"This run has logged {wording.count(reached)} of "
        f"{wording.count(total)} steps: it is still going, or was stopped "
        "and can be resumed."
    )


def _resumed(config: dict) -> str | None:
    resumes = config.get("resumes", [])
    if not resumes:
        return None
    steps = [wording.count(resume["step"]) for resume in resumes]
    return f"The run was resumed from step {', then '.join(steps)}."


def _total_steps(config: dict) -> int | None:
    return config.get("flags", {}).get("steps")


def _notice(text: str, alarm: bool) -> Html:
    return tag(
        "div",
        tag("p", inline(text)),
        class_="notice alarm" if alarm else "notice",
    )


def _facts(config: dict) -> Html:
    flags = config.get("flags", {})
    facts = {name: flags.get(name) for name in ("objective", "preset", "data")}
    facts |= {
        "schedule": flags.get("schedule"),
        "backend": config.get("backend"),
        "devices": _devices(config.get("devices", [])),
        "started": config.get("started"),
    }
    return tag(
        "dl",
        [
            tag("div", tag("dt", name), tag("dd", value))
            for name, value in facts.items()
            if value
        ],
        class_="facts",
    )


def _devices(devices: list) -> str:
    if len(devices) < 4:
        return ", ".join(str(device) for device in devices)
    return f"{len(devices)} × {devices[0]}, ..."


def _tiles(config: dict, history: History) -> Html:
    tiles = [
        _compute_tile(history),
        _memory_tile(history),
        _frozen_tile(config, history),
        _loss_tile(config, history),
        _speed_tile(history),
        _steps_tile(config, history),
    ]
    return tag("div", tiles, class_="tiles")


def _tile(name: str, value: str, note="", mood: str = "") -> Html:
    return tag(
        "div",
        tag("div", name, class_="name"),
        tag("div", value, class_="value"),
        tag("div", note, class_="note"),
        class_=f"tile {mood}".strip(),
    )


def _compute_tile(history: History) -> Html:
    ratio = history.flops_ratio()
    if ratio is None:
        return _tile("compute", "unknown", "no FLOPs were logged")
    run, unfrozen = history.last("flops"), history.last("flops_unfrozen")
    mood = "good" if ratio < 0.995 else "bad" if ratio > 1.005 else ""
    return _tile(
        "compute against unfrozen",
        f"{ratio:.2f}×",
        f"{wording.scaled(run, 'FLOPs')}, unfrozen "
        f"{wording.scaled(unfrozen, 'FLOPs')}",
        mood,
    )


def _memory_tile(history: History) -> Html:
    first, last = history.unfrozen_memory(), history.last("peak_memory_bytes")
    if last is None:
        return _tile("peak memory", "unknown", "no memory was logged")
    if not first:
        return _tile("peak memory", wording.memory(last), "at the last step")
    change = last / first - 1
    if abs(change) < 0.005:
        return _tile(
            "peak memory, last step", wording.memory(last), "as at the start"
        )
    return _tile(
        "peak memory, last step",
        wording.memory(last),
        f"{'+' if change > 0 else '−'}{abs(change):.0%} from "
        f"{wording.memory(first)} unfrozen",
        "bad" if change > 0 else "good",
    )


def _frozen_tile(config: dict, history: History) -> Html:
    frozen = history.last("frozen_layers")
    if frozen is None:
        return _tile("frozen layers", "unknown")
    layers = config.get("model", {}).get("num_layers")
    return _tile(
        "frozen layers",
        f"{frozen:.0f} of {layers}" if layers else f"{frozen:.0f}",
        f"now predicting {history.targets[-1]}",
    )


def _loss_tile(config: dict, history: History) -> Html:
    loss, total = history.last("loss"), _total_steps(config)
    name = "final loss"
    if total and history.last_step() < total:
        name = "loss so far"
    if loss is None:
        return _tile(name, "unknown")
    note = f"on {history.targets[-1]}"
    if not math.isfinite(history.column("loss")[-1]):
        note = "the last finite one"
    held_out = history.last("validation_loss")
    if held_out is not None:
        note += f"; held out {wording.number(held_out)}"
    return _tile(name, wording.number(loss), note)


def _speed_tile(history: History) -> Html:
    stages = [s for s in history.stages() if s.clips_per_second is not None]
    if not stages:
        return _tile("speed", "unknown")
    note = "clips per second, median"
    if len(stages) > 1:
        first = wording.number(stages[0].clips_per_second)
        note = f"clips/s in the last stage, {first} in the first"
    return _tile("speed", wording.number(stages[-1].clips_per_second), note)


def _steps_tile(config: dict, history: History) -> Html:
    total, reached = _total_steps(config), history.last_step()
    seconds = history.last("seconds")
    notes = []
    if total and total != reached:
        notes.append(f"of {wording.count(total)}")
    if seconds is not None:
        notes.append(f"in {wording.duration(seconds)}")
    return _tile("steps", wording.count(reached), " ".join(notes))
