"""Says from a run's measurements whether it learns or collapses."""

import dataclasses
import math
import statistics

LABELS = ("healthy", "collapsing", "collapsed", "diverged")

# Thresholds; docs/collapse.md shows the runs they part.
COLLAPSED_STD = 0.12  # of LayerNorm-ed features or latent targets
COLLAPSING_STD = 0.15
COLLAPSING_RANK = 0.15  # of the run's own rank at its start
COLLAPSING_GROWTH = 20.0  # of the raw spread against the run's start
NUM_FIRST = 3  # measurements that tell how the run started
NUM_AGREEING = 3  # measurements in a row that a change of verdict takes


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a run is.

    Args:
        label: one of `LABELS`.
        reason: a sentence with the numbers it rests on.
    """

    label: str
    reason: str

    @property
    def is_fatal(self) -> bool:
        """Whether going on is a waste of time."""
        return self.label in ("collapsed", "diverged")


class Judge:
    """Judges a run from one measurement after the other.

    - **diverged**: the loss or the gradient is not finite.
    - **collapsed**: the LayerNorm-ed features, or latent targets, have a
      spread below 0.12: every token says the same.
    - **collapsing**: their spread is below 0.15; or the effective rank is below
      15 % of what it was at the run's start; or the raw features' spread has
      grown to 20 times of it.
    - **healthy**: none of these.

    A verdict changes, for better or worse, after 3 measurements in a row that
    go that far; diverged takes one.
    What the run's start was, the median of its first 3 measurements tells.
    The rank alone tells nothing: what is left of collapsed features is noise,
    and noise has full rank.

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
        self.first = []  # the measurements of the run's start
        self.opinions = []  # of the latest measurements
        self.verdict = Verdict("healthy", "")

    def get_state(self) -> dict:
        """What a checkpoint must hold to go on exactly."""
        return {
            "first": self.first,
            "opinions": self.opinions,
            "verdict": dataclasses.asdict(self.verdict),
        }

    def set_state(self, state: dict):
        """Goes on from what `get_state` returned."""
        self.first, self.opinions = state["first"], state["opinions"]
        self.verdict = Verdict(**state["verdict"])

    def observe(self, line: dict) -> Verdict:
        """Judges the run after one more measurement.

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
        label, reason = self._opinion(line)
        self.opinions = [*self.opinions, label][-NUM_AGREEING:]
        if self._settled() == label:
            self.verdict = Verdict(label, reason)
        return self.verdict

    def _settled(self) -> str:
        """The label nearest to the verdict that all opinions go as far as."""
        if len(self.opinions) < NUM_AGREEING:
            return self.verdict.label
        ranks = [LABELS.index(opinion) for opinion in self.opinions]
        current = LABELS.index(self.verdict.label)
        return LABELS[min(max(current, min(ranks)), max(ranks))]

    def _start(self, name):
        return statistics.median(line[name] for line in self.first)

    def _opinion(self, line) -> tuple[str, str]:
        spread, target = line["feature_std"], line["target_std"]
        is_latent = any(line["target_layers"])
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
