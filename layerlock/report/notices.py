"""What a reader of the report must know before anything else."""

import itertools

from layerlock.report.history import History
from layerlock.runs import wording

SHOWN_CLIPS = 3  # names of a broken batch
REMEDY = (
    "A lower `--learning_rate`, a longer `--warmup_steps` or a "
    "`--gradient_clip` is the usual remedy."
)


def notices(
    config: dict, history: History, failure: dict | None = None
) -> list[tuple[str, bool]]:
    """Sentences on what a reader must know, and whether it is alarming.

    Args:
        config: of the run.
        history: of the run.
        failure: what `failure.json` holds, or None if there is none.
    """
    if failure and failure["step"] < history.last_step():
        failure = None  # a resumed run got beyond it
    found = (
        (_verdict(history), True),
        (_recovery(history), False),
        (_failure(failure) if failure else _broken_loss(history), True),
        (None if failure else _unfinished(config, history), False),
        (_resumed(config), False),
    )
    return [(text, alarm) for text, alarm in found if text]


def total_steps(config: dict) -> int | None:
    """How many steps the run was asked to take."""
    return config.get("flags", {}).get("steps")


def _verdict(history: History) -> str | None:
    verdicts = history.verdicts()
    if not verdicts or verdicts[-1].label == "healthy":
        return None
    label, reason = verdicts[-1].label, verdicts[-1].reason
    first = next(v.step for v in verdicts if v.label == label)
    return (
        f"Verdict: {label}, first called so at step {wording.count(first)}. "
        f"{reason}"
    )


def _recovery(history: History) -> str | None:
    """What a run that is healthy now was called before."""
    verdicts = history.verdicts()
    if not verdicts or verdicts[-1].label != "healthy":
        return None
    spells = [
        f"{verdict.label} from step {wording.count(verdict.step)} to "
        f"{wording.count(after.step)}"
        for verdict, after in itertools.pairwise(verdicts)
        if verdict.label != "healthy"
    ]
    if not spells:
        return None
    return f"Healthy now, the run was {', then '.join(spells)}."


def _failure(failure: dict) -> str:
    frozen, clips = failure["frozen_layers"], failure["clips"]
    names = ", ".join(str(name) for name in clips[:SHOWN_CLIPS])
    if len(clips) > SHOWN_CLIPS:
        names += f" and {len(clips) - SHOWN_CLIPS} more"
    return (
        f"The loss was {failure['loss']} at step "
        f"{wording.count(failure['step'])}, where training ended. "
        f"{frozen or 'No'} layer{'' if frozen == 1 else 's'} "
        f"{'was' if frozen == 1 else 'were'} frozen, predicting "
        f"{wording.target(failure['target_layers'])}, at a learning rate of "
        f"{wording.number(failure['learning_rate'])}. Its batch "
        f"{wording.count(failure['batch'])} held the clips {names}. The "
        f"checkpoints from before are kept. {REMEDY}"
    )


def _broken_loss(history: History) -> str | None:
    step = history.first_broken_step()
    if step is None:
        return None
    return (
        f"The loss is not finite at step {wording.count(step)}. The curves "
        f"leave such steps out. {REMEDY}"
    )


def _unfinished(config: dict, history: History) -> str | None:
    total, reached = total_steps(config), history.last_step()
    if not total or reached >= total:
        return None
    return (
        f"This run has logged {wording.count(reached)} of "
        f"{wording.count(total)} steps: it is still going, or was stopped "
        "and can be resumed."
    )


def _resumed(config: dict) -> str | None:
    resumes = config.get("resumes", [])
    if not resumes:
        return None
    steps = [wording.count(resume["step"]) for resume in resumes]
    return f"The run was resumed from step {', then '.join(steps)}."
