"""How much features, readout and sampling each lose: a grid of readings.

An SVM on the ordered grey frames of a whole clip reads words better than a
readout of frozen features does. Between the two, three things differ, and each
is changed here alone:

- sampling: frames of the whole clip, or of a span at 8 frames a second;
- features: pixels, a random encoder, and the encoders of the study;
- readout: an SVM on all tokens in their order, on the mean of each moment, or
  on the mean of all; the attentive readout; and end-to-end training.
"""

import dataclasses
import json

from grid import run
from study_tables import _mean

SAMPLINGS = {"whole": "sampling='whole'", "rate": "sampling='rate',fps=8"}
POOLS = ("ordered", "moments", "mean")


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read one kind of features.

    Args:
        features: str, `raw pixels`, `random encoder` or the name of a method.
        sampling: key of `SAMPLINGS`.
        readout: one of `POOLS`, for an SVM, or `attentive`.
    """

    features: str
    sampling: str
    readout: str


def readings(methods) -> list[Reading]:
    """All combinations."""
    return [
        Reading(features, sampling, readout)
        for features in ("raw pixels", "random encoder", *methods)
        for sampling in SAMPLINGS
        for readout in (*POOLS, "attentive")
    ]


def work(study, methods=("MAE", "LayerLock")):
    """Reads what is missing, and writes `gap.md`; returns its text.

    Args:
        study: the `Study`; its question `main` is asked.
        methods: names, whose longest runs are read.
    """
    known = {method.name: method for method in study.methods}

    def read(reading, seed):
        if reading.features in study.floors:
            encoder = study.floors[reading.features]
            path = study.runs.encoder_path(encoder, seed)
        else:
            method = known[reading.features]
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
            return reading, study.runs.judge(question, path, encoder, seed)
        out = path / "probes" / question.name / "probe.json"
        if not out.exists():
            run(
                f"benchmarks/ordered_svm.py --encoder={encoder} "
                f"--pool={reading.readout} {question.task_flags} "
                f"--seed={seed} --out={out.resolve()}",
                out.parents[1] / f"{question.name}.log",
            )
        return reading, json.loads(out.read_text())["metrics"]["top1"]["value"]

    found = study.runs.side_by_side(
        read,
        [
            (reading, seed)
            for reading in readings(methods)
            for seed in range(study.seeds)
        ],
    )
    answers = {}
    for reading, value in found:
        answers.setdefault(reading, []).append(value)
    text = table(study, answers)
    (study.folder / "gap.md").write_text(text)
    return text


def table(study, answers: dict) -> str:
    """The readings, and what each of the three changes."""
    readouts = (*POOLS, "attentive")
    lines = [["features", "sampling", *readouts]]
    lines.append(["---"] * len(lines[0]))
    features = dict.fromkeys(reading.features for reading in answers)
    for name in features:
        for sampling in SAMPLINGS:
            cells = [
                _mean(answers[Reading(name, sampling, r)], study.seeds)
                for r in readouts
            ]
            lines.append([name, sampling, *cells])
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"# {study.main.column}: sampling, features, readout\n\n{text}"
