"""The section that shows whether the run learns or collapses."""

from layerlock.core.monitoring import verdict
from layerlock.report import figures
from layerlock.report.cards import Figure, Section
from layerlock.report.history import History
from layerlock.runs import wording

LEVELS = (("ember", verdict.COLLAPSING_STD), ("alarm", verdict.COLLAPSED_STD))
LEVEL_LEGEND = [
    ("dash", f"collapsing, {verdict.COLLAPSING_STD:g}"),
    ("limit", f"collapsed, {verdict.COLLAPSED_STD:g}"),
]


def health(history: History) -> Section:
    """The verdict on the run, and the measurements behind it."""
    return Section(
        "Health",
        f"{_verdicts(history)}A latent loss also falls when the targets "
        "become trivial. These curves distinguish learning from collapse.",
        [
            _features(history),
            _targets(history),
            Figure(
                "Effective rank",
                "Number of directions that the features use. Below "
                f"{verdict.COLLAPSING_RANK:.0%} of its initial value, the run "
                "is collapsing. Noise has full rank too, so compare it with "
                "the spread.",
                figures.plain_curve(
                    history, "effective_rank", "effective_rank"
                ),
            ),
            Figure(
                "Raw spread of the features",
                "Standard deviation before LayerNorm, which hides growth. It "
                "settles in a healthy run; at "
                f"{verdict.COLLAPSING_GROWTH:g} times its initial value, the "
                "run is collapsing.",
                figures.plain_curve(
                    history, "raw_feature_std", "raw_feature_std"
                ),
            ),
            _cosines(history),
            Figure(
                "Gradient norm",
                "Norm over the trainable layers, before clipping. It jumps at "
                "a freeze; growth that does not settle precedes divergence.",
                figures.plain_curve(history, "grad_norm", "grad_norm"),
            ),
        ],
    )


def _features(history: History) -> Figure:
    legend, lowest = [("ice", "mean")], None
    if history.last("feature_std_min") is not None:
        lowest = "feature_std_min"
        legend.append(("thin", "minimum"))
    return Figure(
        "Spread of the features",
        "Standard deviation of the LayerNorm-ed features over tokens. Healthy "
        "runs have a mean of 0.2 to 0.9; near 0, all tokens have the same "
        "features. The verdict depends on the mean, not on the minimum over "
        "features.",
        figures.spread(history, "feature_std", lowest, LEVELS),
        legend + LEVEL_LEGEND,
    )


def _targets(history: History) -> Figure:
    is_latent = set(history.targets) != {"pixels"}
    return Figure(
        "Spread of the targets",
        "Standard deviation of the targets over tokens. Near 0, the task is "
        "trivial. A jump is expected where the target changes.",
        figures.spread(
            history, "target_std", levels=LEVELS if is_latent else ()
        ),
        [("ice", "mean"), *LEVEL_LEGEND] if is_latent else (),
    )


def _cosines(history: History) -> Figure:
    return Figure(
        "Cosines",
        "The cosine of predictions and targets rises as the run learns. The "
        "cosine of the mean features of different clips stays below 1. If "
        "both are 1, the run has collapsed.",
        figures.cosines(history),
        [("ice", "prediction and target"), ("ember", "different clips")],
    )


def _verdicts(history: History) -> str:
    """Sentences about the newest verdict and the earlier ones."""
    verdicts = history.verdicts()
    if not verdicts:
        return ""
    newest, earlier = verdicts[-1], {}
    for verdict_before in verdicts[:-1]:
        if verdict_before.label not in ("healthy", newest.label):
            earlier.setdefault(verdict_before.label, verdict_before.step)
    text = f"Verdict since step {wording.count(newest.step)}: {newest.label}. "
    if newest.reason:
        text += f"{newest.reason} "
    if earlier:
        steps = ", ".join(
            f"{label} at step {wording.count(step)}"
            for label, step in earlier.items()
        )
        text += f"Earlier verdicts: {steps}. "
    return text
