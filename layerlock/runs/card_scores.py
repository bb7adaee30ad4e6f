"""The scores in the card of a run."""

from layerlock import json_files
from layerlock.models import exported
from layerlock.runs import contents, wording


def lines(run, folder: str | None) -> list[str]:
    """A table of the probes and fine-tunings in a run directory.

    Scores of an encoder that was exported earlier in the run are named so.

    Args:
        run: the `RunDirectory`.
        folder: name of the folder of the encoder, whose scores are listed;
            `None` for those of all.
    """
    rows = []
    for path in sorted(run.path.glob("*/*/*.json")):
        if path.name not in ("probe.json", "finetune.json"):
            continue
        kind = "fine-tuned" if path.name == "finetune.json" else "frozen"
        try:
            record = json_files.read(path)
            contents.check_record(record, path)
        except ValueError:  # a damaged file must not end a training
            name = f"{path.parent.name}/{path.name}"
            rows.append((name, kind, "", "cannot be read", "", "", ""))
            continue
        is_student = bool(record.get("student"))
        if folder is None or is_student == (folder == run.student_path.name):
            kind += " student" * is_student
            kind += ", earlier weights" * _is_earlier(run, record)
            rows += _rows(record, kind)
    if not rows:
        return []
    heads = ("task", "encoder", "layer", "readout", "metric", "test")
    return [
        "## Scores",
        "",
        *wording.table((*heads, "95 % interval"), rows),
        "",
    ]


def _is_earlier(run, record) -> bool:
    """Whether a record is about other weights than those that are there."""
    judged = record.get("encoder_identity")
    path = run.student_path if record.get("student") else run.encoder_path
    if judged is None:  # of an earlier version
        return False
    try:
        return judged != exported.identify(path)
    except (OSError, ValueError):
        return False


def _rows(record, kind: str) -> list[tuple]:
    """A row for each metric of a probe or a fine-tuning."""
    layer, readout = record.get("layer", ""), record["readout"]
    return [
        (
            record["task"],
            kind,
            layer,
            readout,
            metric,
            f"{score['value']:.3f}",
            wording.interval(score),
        )
        for metric, score in record["metrics"].items()
    ]
