"""When layers may freeze, as a study of convergence finds in a shorter run."""

import json
import shlex

from layerlock.runs import writing

FREEZE_AT = (20, 40, 60, 80)  # percent of the shorter run, tried for each layer
FILE = "schedule.json"


def find(study):
    """Finds the schedule, in a run of the second length, and keeps it.

    Args:
        study: the `Study`.
    """
    place = study.folder / FILE
    if place.exists():
        return
    path = study.folder / "convergence"
    steps = study.lengths[min(1, len(study.lengths) - 1)]
    each = sorted({max(1, steps * share // 100) for share in FREEZE_AT})
    study.runs.run(
        f"recipes/convergence.py {study.common} --steps={steps} "
        f"--layers=2,4 --freeze_at={','.join(map(str, each))} "
        f"--run_dir={shlex.quote(str(path.resolve()))}",
        study.folder / "convergence.log",
    )
    found = json.loads((path / "convergence.json").read_text())
    writing.write_json(place, {"steps": steps, "events": found["safe"]})


def flags(folder, steps: int = 1000) -> str:
    """Flags of the schedule that was found, stretched to a run.

    Args:
        folder: path of the study.
        steps: int, of the run. Defaults to `1000`.

    Returns:
        str, empty where no layer may freeze, or nothing was looked for yet.
    """
    place = folder / FILE
    found = json.loads(place.read_text()) if place.exists() else {}
    events = [
        (max(1, round(step / found["steps"] * steps)), layers)
        for step, layers in found.get("events", ())
    ]
    if not events:
        return ""
    text = str(events).replace(" ", "")
    return f"--schedule=piecewise --schedule_args=events={text}"
