"""The section on whether the run learns or collapses."""

from layerlock.core.monitoring import verdict
from layerlock.report import cards, figures
from layerlock.report.history import History
from layerlock.report.html import Html, join, tag
from layerlock.runs import wording

LEVELS = (("ember", verdict.COLLAPSING_STD), ("alarm", verdict.COLLAPSED_STD))
LEVEL_KEYS = [
    ("dash", f"collapsing, {verdict.COLLAPSING_STD:g}"),
    ("limit", f"collapsed, {verdict.COLLAPSED_STD:g}"),
]


def health(history: History) -> Html:
    """The verdict on the run, and the numbers it rests on."""
    return join(
        tag("h2", "Health"),
        tag(
            "p",
            _verdict_sentence(history),
            "A latent loss can fall because the targets became trivial: these "
            "numbers tell that apart from learning.",
            class_="muted",
        ),
        cards.grid(
            _features(history),
            _targets(history),
            cards.figure(
                "Effective rank",
                "How many directions the features use: below "
                f"{verdict.COLLAPSING_RANK:.0%} of its start is collapsing. "
                "But noise has full rank too, so read it beside the spread.",
                figures.plain_curve(
                    history, "effective_rank", "effective_rank"
                ),
            ),
            cards.figure(
                "Raw spread of the features",
                "Before LayerNorm, which hides growth: it settles in a "
                f"healthy run, and {verdict.COLLAPSING_GROWTH:g} times its "
                "start is collapsing.",
                figures.plain_curve(
                    history, "raw_feature_std", "raw_feature_std"
                ),
            ),
            _cosines(history),
            cards.figure(
                "Gradient norm",
                "Before clipping, over the layers that still train: it steps "
                "at a freeze; growth that does not settle comes before "
                "divergence.",
                figures.plain_curve(history, "grad_norm", "grad_norm"),
            ),
        ),
    )


def _features(history: History) -> Html:
    keys, lowest = [("ice", "mean")], None
    if history.last("feature_std_min") is not None:
        lowest = "feature_std_min"
        keys.append(("thin", "lowest"))
    return cards.figure(
        "Spread of the features",
        "How far the LayerNorm-ed features of different tokens lie apart: "
        "the mean is 0.2 to 0.9 in a healthy run, near 0 every token "
        "is the same vector. The verdict goes by the mean, not by the lowest "
        "single feature.",
        figures.spread(history, "feature_std", lowest, LEVELS),
        keys + LEVEL_KEYS,
    )


def _targets(history: History) -> Html:
    is_latent = set(history.targets) != {"pixels"}
    return cards.figure(
        "Spread of the targets",
        "How much there is to predict: near 0 the task has become trivial; a "
        "step when the target changes is expected.",
        figures.spread(
            history, "target_std", levels=LEVELS if is_latent else ()
        ),
        [("ice", "mean"), *LEVEL_KEYS] if is_latent else (),
    )


def _cosines(history: History) -> Html:
    return cards.figure(
        "Cosines",
        "Predictions come closer to their targets as the run learns. The "
        "mean features of two clips stay short of 1, where all clips look "
        "the same: both at 1 is a collapse.",
        figures.cosines(history),
        [("ice", "prediction and target"), ("ember", "one clip and another")],
    )


def _verdict_sentence(history: History) -> str | None:
    verdicts = history.verdicts()
    if not verdicts:
        return None
    newest, earlier = verdicts[-1], {}
    for verdict_before in verdicts[:-1]:
        if verdict_before.label not in ("healthy", newest.label):
            earlier.setdefault(verdict_before.label, verdict_before.step)
    text = f"The verdict since step {wording.count(newest.step)} is "
    text += f"{newest.label}. {newest.reason} "
    if earlier:
        first = " and ".join(
            f"{label} at step {wording.count(step)}"
            for label, step in earlier.items()
        )
        text += f"Before that the run was called {first}. "
    return text
