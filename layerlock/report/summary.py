"""The top of the report: what was run, and what came of it."""

import math
from pathlib import Path

from layerlock.report import notices
from layerlock.report.history import History
from layerlock.report.html import Html, inline, tag
from layerlock.runs import wording

SOME_WAITING = 0.05  # share of the time, from which on it is told


def header(
    path: Path, config: dict, history: History, failure: dict | None = None
) -> Html:
    """The name of the run, its facts, its figures, and what to look at."""
    return tag(
        "header",
        tag("div", "LayerLock · pre-training", class_="brand"),
        tag("h1", path.resolve().name),
        _facts(config),
        _tiles(config, history),
        [
            _notice(text, alarm)
            for text, alarm in notices.notices(config, history, failure)
        ],
    )


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
        _health_tile(history),
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


def _health_tile(history: History) -> Html:
    verdicts = history.verdicts()
    if not verdicts:
        return _tile("health", "unknown", "no verdict was logged", "wide")
    newest = verdicts[-1]
    mood = "good" if newest.label == "healthy" else "bad"
    return _tile("health", newest.label, newest.reason, f"wide {mood}")


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
    loss, total = history.last("loss"), notices.total_steps(config)
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
    if (stages[-1].input_wait or 0.0) >= SOME_WAITING:
        note += f"; {stages[-1].input_wait:.0%} of the time waiting for clips"
    return _tile("speed", wording.number(stages[-1].clips_per_second), note)


def _steps_tile(config: dict, history: History) -> Html:
    total, reached = notices.total_steps(config), history.last_step()
    seconds = history.last("seconds")
    notes = []
    if total and total != reached:
        notes.append(f"of {wording.count(total)}")
    if seconds is not None:
        notes.append(f"in {wording.duration(seconds)}")
    return _tile("steps", wording.count(reached), " ".join(notes))
