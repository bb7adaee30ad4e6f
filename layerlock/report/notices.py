"""What a reader of the report must know before anything else."""

import itertools

import numpy as np

from layerlock.report.cards import Notice
from layerlock.report.history import History
from layerlock.runs import wording

MAX_CLIPS = 3  # of a batch with a broken loss, by name
REMEDY = (
    "A lower learning rate, a longer warm-up or gradient clipping usually "
    "helps."
)


def notices(
    config: dict, history: History, failure: dict | None = None
) -> list[Notice]:
    """The verdict if it is bad, failures, resumes, and missing steps.

    Args:
        config: of the run.
        history: of the run.
        failure: the content of `failure.json`, or None without one.
    """
    if failure:
        later = history.steps > failure["step"]
        if np.isfinite(history.column("loss")[later]).any():
            failure = None  # a resumed run passed that step
    candidates = (
        Notice(_verdict(history), is_alarm=True),
        Notice(_recovery(history)),
        Notice(
            _failure(failure) if failure else _broken_loss(history),
            is_alarm=True,
        ),
        Notice("" if failure else _unfinished(config, history)),
        Notice(_resumed(config)),
    )
    return [notice for notice in candidates if notice.text]


def total_steps(config: dict) -> int | None:
    """The number of steps in the configuration."""
    return config.get("flags", {}).get("steps")


def _verdict(history: History) -> str:
    verdicts = history.verdicts()
    if not verdicts or verdicts[-1].label == "healthy":
        return ""
    label, reason = verdicts[-1].label, verdicts[-1].reason
    first = next(v.step for v in verdicts if v.label == label)
    return f"Verdict: {label}, first at step {wording.count(first)}. {reason}"


def _recovery(history: History) -> str:
    """The earlier verdicts of a run that is healthy now."""
    verdicts = history.verdicts()
    if not verdicts or verdicts[-1].label != "healthy":
        return ""
    periods = [
        f"{verdict.label} from step {wording.count(verdict.step)} to "
        f"{wording.count(after.step)}"
        for verdict, after in itertools.pairwise(verdicts)
        if verdict.label != "healthy"
    ]
    if not periods:
        return ""
    return f"The run is healthy now. Earlier, it was {', then '.join(periods)}."


def _failure(failure: dict) -> str:
    clips = [str(name) for name in failure["clips"]]
    names = ", ".join(clips[:MAX_CLIPS])
    if len(clips) > MAX_CLIPS:
        names += f" and {len(clips) - MAX_CLIPS} more"
    contents = (
        f"Batch {wording.count(failure['batch'])} contained {names}. "
        if clips
        else ""
    )
    return (
        f"Training ended at step {wording.count(failure['step'])}, where the "
        f"loss was {failure['loss']}. "
        f"Frozen layers: {failure['frozen_layers']}. "
        f"Target: {wording.target(failure['target_layers'])}. "
        f"Learning rate: {wording.number(failure['learning_rate'])}. "
        f"{contents}Earlier checkpoints are kept. {REMEDY}"
    )


def _broken_loss(history: History) -> str:
    step = history.first_broken_step()
    if step is None:
        return ""
    return (
        f"The loss is not finite at step {wording.count(step)}. The curves "
        f"omit such steps. {REMEDY}"
    )


def _unfinished(config: dict, history: History) -> str:
    total, reached = total_steps(config), history.last_step()
    if not total or reached >= total:
        return ""
    return (
        f"This run has logged {wording.count(reached)} of "
        f"{wording.count(total)} steps. It is still training, or it was "
        "stopped and can be resumed."
    )


def _resumed(config: dict) -> str:
    resumes = config.get("resumes", [])
    if not resumes:
        return ""
    steps = [f"step {wording.count(resume['step'])}" for resume in resumes]
    return f"The run was resumed from {', then from '.join(steps)}."
