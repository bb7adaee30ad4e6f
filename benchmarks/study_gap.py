"""How much features, readout and sampling each lose: a grid of readings.

An SVM on the ordered grey frames of a whole clip reads words better than a
readout of frozen features does. Between the two, three things differ, and each
is changed here alone:

- sampling: frames of the whole clip, or of a span at 8 frames a second;
- features: pixels, a random encoder, and the encoders of the study;
- readout: an SVM on all tokens in their order, on the mean of each moment, or
  on the mean of all; the attentive readout; and, with frames of the whole clip,
  training end to end.
"""

import dataclasses
import shlex

from recipe_runs import result
from study_methods import METHODS
from study_tables import mean

from layerlock.runs import writing

SAMPLINGS = {"whole": "sampling='whole'", "rate": "sampling='rate',fps=8"}
TITLES = {"whole": "the whole clip", "rate": "a span"}
POOLS = ("ordered", "moments", "mean")
END_TO_END = "end to end"
READOUTS = (*POOLS, "attentive", END_TO_END)
PIXELS = "raw pixels"
RANDOM = "random encoder"
FILE = "gap.json"


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read one kind of features.

    Args:
        features: str, `raw pixels`, `random encoder` or the name of a method.
        sampling: key of `SAMPLINGS`.
        readout: one of `READOUTS`; those of `POOLS` are an SVM.
    """

    features: str
    sampling: str
    readout: str


def readings(methods) -> list[Reading]:
    """All combinations that are read; pixels have no encoder to train.

    Args:
        methods: names.
    """
    return [
        Reading(features, sampling, readout)
        for features in (PIXELS, RANDOM, *methods)
        for sampling in SAMPLINGS
        for readout in READOUTS
        if readout != END_TO_END or (features != PIXELS and sampling == "whole")
    ]


def work(study, methods=("MAE", "LayerLock")) -> str:
    """Reads what is missing; writes `gap.json` and `gap.md`, which it returns.

    Args:
        study: the `Study`; its question `main` is asked.
        methods: names, whose longest runs are read.
    """
    # Each run once: two readings would train it side by side.
    runs = [(m, seed) for m in _named(methods) for seed in range(study.seeds)]
    study.runs.side_by_side(
        lambda method, seed: study.train(method, study.lengths[-1], seed), runs
    )
    tasks = [
        (reading, seed)
        for reading in readings(methods)
        for seed in range(study.seeds)
    ]
    found = study.runs.side_by_side(
        lambda reading, seed: read(study, reading, seed), tasks
    )
    answers = [
        {**dataclasses.asdict(reading), "seed": seed, "value": value}
        for (reading, seed), value in zip(tasks, found, strict=True)
    ]
    writing.write_json(study.folder / FILE, answers)
    text = f"# Sampling, features, readout\n\n{table(answers, study.seeds)}"
    writing.write_text(study.folder / "gap.md", text)
    return text


def read(study, reading: Reading, seed: int) -> float:
    """The share of right answers of one reading."""
    if reading.features in study.floors:
        encoder = study.floors[reading.features]
        path = study.runs.encoder_path(encoder, seed)
    else:
        [method] = _named([reading.features])
        path = study.train(method, study.lengths[-1], seed)
        encoder = str(path.resolve())
    question = dataclasses.replace(
        study.main,
        column=f"gap {reading.sampling} {reading.readout}",
        task_args=study.main.task_args.replace(
            SAMPLINGS["whole"], SAMPLINGS[reading.sampling]
        ),
    )
    if reading.readout == "attentive":
        return study.ask([question], path, seed, encoder)[0]
    out = path / "probes" / question.name
    if reading.readout == END_TO_END:
        steps = study.lengths[-1]
        if reading.features == RANDOM:  # the study's row
            question, out = study.main, study.supervised_path(study.main, seed)
        found = study.finetune(encoder, question, steps, seed, out)
    else:
        found = _svm(question, reading.readout, encoder, seed, out)
    return found["metrics"]["top1"]["value"]


def _named(names) -> list:
    return [method for method in METHODS if method.name in names]


def _svm(question, pool, encoder, seed, out) -> dict:
    path = out / "probe.json"
    return result(
        path,
        f"benchmarks/ordered_svm.py --encoder={shlex.quote(encoder)} "
        f"--pool={pool} {question.task_flags} --seed={seed} "
        f"--out={shlex.quote(str(path.resolve()))}",
        out.with_name(f"{out.name}.log"),
    )


def table(answers: list[dict], seeds: int) -> str:
    """The readings as Markdown, one line for features and sampling.

    Args:
        answers: list of dict, a `Reading` with its `seed` and `value` each.
        seeds: int, of the study.
    """
    lines = [("features", "frames of", *READOUTS)]
    lines.append(["---"] * len(lines[0]))
    values = {}
    for one in answers:
        reading = one["features"], one["sampling"], one["readout"]
        values.setdefault(reading, []).append(one["value"])
    for features in dict.fromkeys(one["features"] for one in answers):
        for sampling, title in TITLES.items():
            cells = [
                mean(values.get((features, sampling, readout), []), seeds)
                for readout in READOUTS
            ]
            lines.append((features, title, *cells))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
