"""What is known of the runs of a study: one row for each of them."""

import csv
import json

import study_known
from study_layouts import group_of
from study_methods import SUPERVISED

from layerlock.runs import RunDirectory, writing

MONITORS = (
    "loss",
    "held_out_prediction",
    "effective_rank",
    "feature_std",
    "feature_std_min",
    "raw_feature_std",
    "target_std",
    "prediction_cosine",
    "clip_cosine",
)
NUM_LAST = 5  # log lines, of which the loss is averaged


def write(study) -> list[dict]:
    """Writes `rows.json`; returns the rows of this study's clips and split.

    Rows that this call of the study is not about stay: of other methods, seeds
    or lengths, and of the other split.
    """
    place, rows = study.folder / study_known.ROWS, collect(study)
    before = study_known.load(place) if place.exists() else []
    kept = {}
    for row in (*study.known.rows, *before):
        if not _is_of(study, row):
            kept[_identity(study, row)] = row
    rows += kept.values()
    study.folder.mkdir(parents=True, exist_ok=True)
    writing.write_json(place, rows)
    return [row for row in rows if study.about.items() <= row.items()]


def _is_of(study, row) -> bool:
    """Whether `collect` looks for a row."""
    lengths = {m.name: study.steps_of(m) for m in study.active()}
    lengths |= dict.fromkeys(study.floors, (0,))
    lengths[SUPERVISED] = study.lengths[-1:]
    return (
        study.about.items() <= row.items()
        and row["seed"] < study.seeds
        and row["steps"] in lengths.get(row["method"], ())
    )


def _identity(study, row) -> str:
    own = (*study.about, "method", "flags", "steps", "seed")
    return json.dumps([row.get(name) for name in own])


def collect(study) -> list[dict]:
    """One row for each run that is complete, floors included."""
    found = []
    for seed in range(study.seeds):
        found += [floor(study, name, seed) for name in study.floors]
        found.append(supervised(study, seed))
        found += [
            _trained(study, method, steps, seed)
            for method in study.active()
            for steps in study.steps_of(method)
        ]
    merged = [study.known.merged(row) for row in found]
    return [{**study.about, **row} for row in merged if row["scores"]]


def floor(study, name, seed) -> dict:
    """The row of features that nothing was learned for."""
    path = study.runs.encoder_path(study.floors[name], seed)
    return {
        "method": name,
        "flags": f"--encoder={study.floors[name]}",
        "steps": 0,
        "seed": seed,
        "scores": _scores(path / "probes", study.questions),
    }


def identity_of(study, method, steps, seed) -> dict:
    """The row of a run of which nothing is known yet."""
    flags, _ = study.runs_of(method, steps, seed)
    return {
        "method": method.name,
        "flags": [text for text, _ in flags],
        "steps": steps,
        "seed": seed,
        "scores": {},
    }


def _trained(study, method, steps, seed) -> dict:
    row = identity_of(study, method, steps, seed)
    flags, paths = study.runs_of(method, steps, seed)
    if not all(
        study.runs.is_complete(path, run_steps)
        for path, (_, run_steps) in zip(paths, flags, strict=True)
    ):
        return row
    lines = [RunDirectory.open(path).read_metrics() for path in paths]
    options = RunDirectory.open(paths[-1]).config["flags"]
    questions = study.asked(method.name, steps)
    return {
        **row,
        "flops": sum(run[-1]["flops"] for run in lines),
        "seconds": sum(run[-1]["seconds"] for run in lines),
        "clips": steps * options["batch_size"] * options["accumulation"],
        "peak_memory_bytes": max(
            line.get("peak_memory_bytes") or 0 for run in lines for line in run
        ),
        "monitors": _monitors(lines[-1]),
        "verdict": lines[-1][-1].get("verdict"),
        "freezes": freezes(lines[-1]),
        "scores": _scores(paths[-1] / "probes", questions),
    }


def supervised(study, seed) -> dict:
    """The row of the encoder that is trained end to end with labels."""
    steps, scores, row = study.lengths[-1], {}, {}
    for question in study.questions:
        path = study.supervised_path(question, seed) / "finetune.json"
        found = _score(path, question)
        if found:
            scores[question.column] = _with_protocol(found, question)
            row.setdefault("seconds", json.loads(path.read_text())["seconds"])
    return {
        "method": SUPERVISED,
        "flags": "recipes/finetune.py",
        "steps": steps,
        "seed": seed,
        "clips": steps * study.batch_size,
        "scores": scores,
        **row,
    }


def _scores(folder, questions) -> dict:
    """The means over all readouts of each question that is answered."""
    found = {}
    for question in questions:
        scores = [
            _score(folder / one.name / "probe.json", one)
            for one in question.each(0)
        ]
        if all(scores):
            found[question.column] = _with_protocol(_mean(scores), question)
    return found


def _with_protocol(score, question) -> dict:
    return {**score, "protocol": question.protocol}


def _score(path, question) -> dict | None:
    if not path.exists():
        return None
    score = dict(json.loads(path.read_text())["metrics"][question.metric])
    if question.parted:
        score["groups"] = by_group(path.with_name("answers.csv"))
    return score


def _mean(scores) -> dict:
    """One score of several readouts: means, and sums of counts."""
    if len(scores) == 1:
        return scores[0]
    first = scores[0]
    found = {}
    for name in ("value", "low", "high"):
        values = [score[name] for score in scores if name in score]
        if values:  # no interval with answers of one group
            known = None not in values
            found[name] = sum(values) / len(values) if known else None
    found["readouts"] = [score["value"] for score in scores]
    if "groups" in first:
        found["groups"] = {
            group: [sum(s["groups"][group][i] for s in scores) for i in (0, 1)]
            for group in first["groups"]
        }
    return found


def _monitors(lines: list[dict]) -> dict:
    """What the end of a run's log says about it."""
    found = {}
    for name in MONITORS:
        values = [line[name] for line in lines if line.get(name) is not None]
        last = values[-NUM_LAST:] if name == "loss" else values[-1:]
        if last:
            found[name] = sum(last) / len(last)
    return found


def freezes(lines: list[dict]) -> list[list[int]]:
    """The first log lines with more frozen layers: their steps and numbers.

    Args:
        lines: list of dict, of a run's log.
    """
    found, frozen = [], 0
    for line in lines:
        if line.get("frozen_layers", 0) > frozen:
            frozen = line["frozen_layers"]
            found.append([line["step"], frozen])
    return found


def by_group(path) -> dict:
    """Right answers and number of answers of each speaker."""
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            counts = found.setdefault(group_of(row["example"]), [0, 0])
            counts[0] += row["truth"] == row["answer"]
            counts[1] += 1
    return found
