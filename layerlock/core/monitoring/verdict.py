"""Classifies a run as healthy, collapsing, collapsed or diverged."""

import dataclasses
import math
import statistics

LABELS = ("healthy", "collapsing", "collapsed", "diverged")

# Thresholds; docs/collapse.md shows the runs that they separate.
COLLAPSED_STD = 0.12  # of LayerNorm-ed features or latent targets
COLLAPSING_STD = 0.15
COLLAPSING_RANK = 0.15  # relative to the rank at the start of the run
COLLAPSING_GROWTH = 20.0  # of the raw spread since the start of the run
NUM_FIRST = 3  # measurements that define the start of the run
NUM_AGREEING = 3  # measurements in a row before the verdict changes


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The health of a run.

    Args:
        label: one of `LABELS`.
        reason: a sentence with the measurements behind it.
    """

    label: str
    reason: str

    @property
    def is_fatal(self) -> bool:
        """Whether further training is useless."""
        return self.label in ("collapsed", "diverged")


class Judge:
    """Classifies a run after each measurement.

    - **diverged**: the loss or the gradient is not finite.
    - **collapsed**: the LayerNorm-ed features, or targets that are not pixels,
      have a spread below 0.12: all tokens are nearly equal.
    - **collapsing**: their spread is below 0.15; or the effective rank is below
      15 % of its value at the start of the run; or the spread of the raw
      features is above 20 times its value at the start.
    - **healthy**: none of these.

    A verdict changes, for better or worse, after 3 measurements in a row with
    the new label or beyond; one measurement is enough for diverged. The start
    of the run is the median of its first 3 measurements. The rank alone is not
    enough: collapsed features are noise, and noise has full rank.

    Example:

    >>> judge = Judge()
    >>> line = {"step": 10, "loss": 0.5, "grad_norm": 1.0, "feature_std": 0.6,
    ...         "raw_feature_std": 1.0, "target_std": 0.7,
    ...         "effective_rank": 30.0, "target_layers": [1]}
    >>> judge.observe(line).label
    'healthy'
    >>> collapsed = line | {"feature_std": 0.01}
    >>> [judge.observe(collapsed).label for _ in range(3)]
    ['healthy', 'healthy', 'collapsed']
    >>> judge.observe(line | {"loss": float("nan")}).label
    'diverged'
    """

    def __init__(self):
        self.first = []  # measurements at the start of the run
        self.latest = []  # labels of the latest measurements
        self.verdict = Verdict("healthy", "")

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {
            "first": self.first,
            "opinions": self.latest,  # the key of existing checkpoints
            "verdict": dataclasses.asdict(self.verdict),
        }

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.first, self.latest = state["first"], state["opinions"]
        self.verdict = Verdict(**state["verdict"])

    def observe(self, line: dict) -> Verdict:
        """Processes one measurement and returns the verdict.

        Args:
            line: dict with `loss`, `grad_norm`, `feature_std`, `target_std`,
                `raw_feature_std`, `effective_rank` and `target_layers`.
        """
        if not math.isfinite(line["loss"] + line["grad_norm"]):
            self.verdict = Verdict(
                "diverged",
                f"The loss is {line['loss']:.4g} and the gradient's norm "
                f"{line['grad_norm']:.4g}.",
            )
            return self.verdict
        if len(self.first) < NUM_FIRST:
            names = ("effective_rank", "raw_feature_std")
            self.first.append({name: line[name] for name in names})
        label, reason = self._classify(line)
        self.latest = [*self.latest, label][-NUM_AGREEING:]
        if self._agreed_label() == label:
            self.verdict = Verdict(label, reason)
        return self.verdict

    def _agreed_label(self) -> str:
        """The label that all latest labels reach, nearest to the verdict."""
        if len(self.latest) < NUM_AGREEING:
            return self.verdict.label
        ranks = [LABELS.index(label) for label in self.latest]
        current = LABELS.index(self.verdict.label)
        return LABELS[min(max(current, min(ranks)), max(ranks))]

    def _start(self, name):
        return statistics.median(line[name] for line in self.first)

    def _classify(self, line) -> tuple[str, str]:
        spread, target = line["feature_std"], line["target_std"]
        is_latent = line["target_layers"] != [0]
        numbers = f"spread of features {spread:.2f}, of targets {target:.2f}"
        lowest = min(spread, target) if is_latent else spread
        if lowest < COLLAPSED_STD:
            return "collapsed", f"Hardly anything varies: {numbers}."
        if lowest < COLLAPSING_STD:
            return "collapsing", f"Little varies: {numbers}."
        rank, first_rank = line["effective_rank"], self._start("effective_rank")
        if rank < COLLAPSING_RANK * first_rank:
            return (
                "collapsing",
                f"The effective rank fell from {first_rank:.0f} to {rank:.0f}.",
            )
        raw, first_raw = line["raw_feature_std"], self._start("raw_feature_std")
        if raw > COLLAPSING_GROWTH * first_raw:
            return (
                "collapsing",
                f"The features grow without bound: their spread went from "
                f"{first_raw:.2g} to {raw:.2g}.",
            )
        return "healthy", f"{numbers[0].upper()}{numbers[1:]}."
