"""The top of the report: the main options and numbers of the run."""

import math

from layerlock.report import notices
from layerlock.report.cards import Tile
from layerlock.report.history import History
from layerlock.runs import wording

MIN_INPUT_WAIT = 0.05  # share of the time; below it, the tile omits it


def facts(config: dict) -> dict[str, str]:
    """The main options and the environment of the run."""
    flags = config.get("flags", {})
    names = ("objective", "preset", "data", "schedule")
    return {name: flags.get(name) for name in names} | {
        "backend": config.get("backend"),
        "devices": _devices(config.get("devices", [])),
        "started": config.get("started"),
    }


def tiles(config: dict, history: History) -> list[Tile]:
    """The main numbers of the run."""
    return [
        _health_tile(history),
        _compute_tile(history),
        _memory_tile(history),
        _frozen_tile(config, history),
        _loss_tile(config, history),
        _speed_tile(history),
        _steps_tile(config, history),
    ]


def _devices(devices: list) -> str:
    if len(devices) < 4:
        return ", ".join(str(device) for device in devices)
    return f"{len(devices)} × {devices[0]}, ..."


def _health_tile(history: History) -> Tile:
    verdicts = history.verdicts()
    if not verdicts:
        return Tile("health", "unknown", "no verdict was logged", is_wide=True)
    newest = verdicts[-1]
    mood = "good" if newest.label == "healthy" else "bad"
    return Tile("health", newest.label, newest.reason, mood, is_wide=True)


def _compute_tile(history: History) -> Tile:
    ratio = history.flops_ratio()
    if ratio is None:
        return Tile("compute", "unknown", "no FLOPs were logged")
    run, unfrozen = history.last("flops"), history.last("flops_unfrozen")
    note = (
        f"{wording.scaled(run, 'FLOPs')}, unfrozen "
        f"{wording.scaled(unfrozen, 'FLOPs')}"
    )
    teacher = history.last("flops_teacher")
    if teacher is not None:
        note += f"; the teacher takes {teacher / run:.0%}"
    mood = "good" if ratio < 0.995 else "bad" if ratio > 1.005 else ""
    return Tile(
        "compute, relative to unfrozen",
        f"{ratio:.2f}×",
        note,
        mood,
    )


def _memory_tile(history: History) -> Tile:
    first, last = history.unfrozen_memory(), history.last("peak_memory_bytes")
    if last is None:
        return Tile("peak memory", "unknown", "no memory was logged")
    if not first:
        return Tile("peak memory", wording.memory(last), "at the last step")
    name = "peak memory, last step"
    change = last / first - 1
    if abs(change) < 0.005:
        return Tile(name, wording.memory(last), "same as unfrozen")
    return Tile(
        name,
        wording.memory(last),
        f"{'+' if change > 0 else '−'}{abs(change):.0%} from "
        f"{wording.memory(first)} unfrozen",
        "bad" if change > 0 else "good",
    )


def _frozen_tile(config: dict, history: History) -> Tile:
    frozen = history.last("frozen_layers")
    if frozen is None:
        return Tile("frozen layers", "unknown")
    layers = config.get("model", {}).get("num_layers")
    return Tile(
        "frozen layers",
        f"{frozen:.0f} of {layers}" if layers else f"{frozen:.0f}",
        f"current target: {history.targets[-1]}",
    )


def _loss_tile(config: dict, history: History) -> Tile:
    loss, total = history.last("loss"), notices.total_steps(config)
    name = "final loss"
    if total and history.last_step() < total:
        name = "loss so far"
    if loss is None:
        return Tile(name, "unknown")
    note = f"on {history.targets[-1]}"
    if not math.isfinite(history.column("loss")[-1]):
        note = "last finite value"
    held_out = history.last("validation_loss")
    if held_out is not None:
        note += f"; held-out {wording.number(held_out)}"
    return Tile(name, wording.number(loss), note)


def _speed_tile(history: History) -> Tile:
    stages = [s for s in history.stages() if s.clips_per_second is not None]
    if not stages:
        return Tile("speed", "unknown")
    note = "clips per second, median"
    if len(stages) > 1:
        first = wording.number(stages[0].clips_per_second)
        note = f"clips/s in the last stage, {first} in the first"
    if (stages[-1].input_wait or 0.0) >= MIN_INPUT_WAIT:
        note += f"; {stages[-1].input_wait:.0%} of the time waiting for clips"
    return Tile("speed", wording.number(stages[-1].clips_per_second), note)


def _steps_tile(config: dict, history: History) -> Tile:
    total, reached = notices.total_steps(config), history.last_step()
    seconds = history.last("seconds")
    notes = []
    if total and total != reached:
        notes.append(f"of {wording.count(total)}")
    if seconds is not None:
        notes.append(f"in {wording.duration(seconds)}")
    return Tile("steps", wording.count(reached), " ".join(notes))
