"""The settings of each method, chosen by clips of no test speaker.

Differences between settings are a few clips. So a run whose verdict is not
healthy at its end comes behind all healthy ones, whatever it answers.
"""

import json

from study_methods import METHODS

from layerlock.runs import writing

SEED = 0
FILE = "settings.json"
FAILURE = "failure.json"  # of a run whose loss was not finite


def chosen(folder) -> dict:
    """The chosen factor of the learning rate and flags of each method.

    Args:
        folder: path of the study.
    """
    return {
        name: tuple(setting)
        for name, setting in _read(folder)["chosen"].items()
    }


def of(study, method) -> tuple[float, str]:
    """The setting of a method, its first candidate until one is chosen.

    Args:
        study: the `Study`.
        method: `Method`.
    """
    first = method.candidates()[0]
    rate, flags = chosen(study.folder).get(method.decided_by, first)
    return rate, first[1] if method.rate_of else flags


def undecided(study) -> list:
    """The methods whose settings are not chosen yet.

    Args:
        study: the `Study`.
    """
    known = chosen(study.folder)
    named = {method.name: method for method in METHODS}
    deciding = [named[m.decided_by] for m in study.active()]
    return [m for m in dict.fromkeys(deciding) if m.name not in known]


def choose(study):
    """Tries the settings of undecided methods on one seed; keeps the best.

    Args:
        study: the `Study`.
    """
    [question, *_] = study.clips.questions("selection")
    steps = study.lengths[-2:][0]
    tried = {m: m.candidates() for m in undecided(study)}
    if study.quick:
        first = study.methods[0]
        tried = {m: c[: 2 if m is first else 1] for m, c in tried.items()}
    pairs = [
        (method, setting)
        for method, settings in tried.items()
        if len(settings) > 1
        for setting in settings
    ]

    def ask(method, setting):
        _, paths = study.runs_of(method, steps, SEED, setting)
        try:
            path = study.train(method, steps, SEED, setting)
            answer = study.ask([question], path, SEED)[0]
            return answer, study.runs.metrics(path)[-1]["verdict"]
        except RuntimeError as error:
            # A full disk, or another process: nothing is decided by them.
            if not any((path / FAILURE).exists() for path in paths):
                raise
            print(f"{method.name}, {setting}: {error}")
            return None, "failed"

    answers = study.runs.side_by_side(ask, pairs)
    answers = dict(zip(pairs, answers, strict=True))
    failed = [
        method.name
        for method, settings in tried.items()
        if len(settings) > 1
        and all(answers[method, s][0] is None for s in settings)
    ]
    if failed:
        raise RuntimeError(
            f"No setting of {', '.join(failed)} came to its end: see the logs "
            f"in {study.folder / 'pretrain'}."
        )
    known = _read(study.folder)
    best = {
        method.name: max(
            settings, key=lambda s, m=method: _rank(answers.get((m, s)))
        )
        for method, settings in tried.items()
    }
    writing.write_json(
        study.folder / FILE,
        {
            "question": question.column,
            "split": "selection",
            "steps": steps,
            "seed": SEED,
            "tried": known["tried"]
            + [
                [method.name, *setting, *answer]
                for (method, setting), answer in answers.items()
            ],
            "chosen": known["chosen"] | best,
        },
    )


def _rank(answer) -> tuple:
    """What the best setting has most of.

    Rounded: equal means of readouts may differ in their last digit.
    """
    value, verdict = answer or (None, None)
    return verdict == "healthy", round(value or 0.0, 6)


def _read(folder) -> dict:
    path = folder / FILE
    if path.exists():
        return json.loads(path.read_text())
    return {"tried": [], "chosen": {}}
