"""How much features, readout and sampling each lose: a grid of readings.

An SVM on the ordered grey frames of a whole clip reads words better than a
readout of frozen features does. Between the two, three things differ, and each
is changed here alone:

- sampling: frames of the whole clip, or of a span at 8 frames a second;
- features: pixels, a random encoder, and the encoders of the study;
- readout: an SVM on all tokens in their order, on the mean of each moment, or
  on the mean of all; the attentive readout; and training end to end.
"""

import dataclasses
import shlex

from recipe_runs import result
from study_methods import METHODS
from study_tables import mean

from layerlock.runs import writing

SAMPLINGS = {"whole": "sampling='whole'", "rate": "sampling='rate',fps=8"}
POOLS = ("ordered", "moments", "mean")
END_TO_END = "end to end"
READOUTS = (*POOLS, "attentive", END_TO_END)
PIXELS = "raw pixels"


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
    """All combinations; pixels have no encoder to train.

    Args:
        methods: names.
    """
    return [
        Reading(features, sampling, readout)
        for features in (PIXELS, "random encoder", *methods)
        for sampling in SAMPLINGS
        for readout in READOUTS
        if (features, readout) != (PIXELS, END_TO_END)
    ]


def work(study, methods=("MAE", "LayerLock")) -> str:
    """Reads what is missing, and writes `gap.md`; returns its text.

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
    answers = {}
    for (reading, _), value in zip(tasks, found, strict=True):
        answers.setdefault(reading, []).append(value)
    text = table(study, answers)
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


def table(study, answers: dict) -> str:
    """The readings as Markdown, one line for features and sampling."""
    lines = [("features", "sampling", *READOUTS)]
    lines.append(["---"] * len(lines[0]))
    for features in dict.fromkeys(reading.features for reading in answers):
        for sampling in SAMPLINGS:
            cells = [
                mean(
                    answers.get(Reading(features, sampling, readout), []),
                    study.seeds,
                )
                for readout in READOUTS
            ]
            lines.append((features, sampling, *cells))
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"# {study.main.column}: sampling, features, readout\n\n{text}"
