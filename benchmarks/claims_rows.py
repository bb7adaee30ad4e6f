"""What is compared in `docs/scenes.md`: the rows of each grid."""

import dataclasses
import re

from claims_scales import FULL, OLD_RATE, SWEEP

MAE = "--schedule=never"
LAYERLOCK = "--objective=mae"
FREEZING_ONLY = "--target=pixels"
V_JEPA = "--objective=vjepa --schedule=never"
V_JEPA_LAYERLOCK = "--objective=vjepa"
LATENT = "--objective=mae_latent --schedule=never"
QUARTER = "--target_fraction=0.25"
QUARTER_SEEN = f"{QUARTER} --target_context=scored"
# As many masked clips a batch as the others, at the learning rate of theirs.
FOUR_MASKS = f"--masks_per_clip=4 --batch_size=4 --learning_rate={OLD_RATE}"
COSINE = "--objective_args=weight_schedule=cosine"
TWICE_THE_RATE = "--learning_rate=3e-3"
TODAYS_RATE = "--learning_rate=3.01e-3"  # the default of this batch
QUICK_TEACHER = "--momentum=0.9,1"


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to pre-train.

    Args:
        name: str.
        flags: str, of `recipes/pretrain.py`; `30%` is a share of the steps.
        flops_of: str or `None`, flags of another row, whose FLOPs this one is
            given by training for another number of steps.
        against: str or `None`, the row that it is compared with, by name;
            `None` is the first.
        length: int, times the steps of other rows. Defaults to `1`.
    """

    name: str
    flags: str
    flops_of: str | None = None
    against: str | None = None
    length: int = 1

    def flags_for(self, steps: int) -> str:
        """Its flags, shares of a run as steps."""
        return re.sub(
            r"(\d+)%", lambda m: str(int(m[1]) * steps // 100), self.flags
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Rows against one another.

    Args:
        title: str.
        rows: tuple of `Row`; the first is what the others are compared with,
            where they do not say otherwise.
        probes: dict from the name of a column to a `Probe`.
    """

    title: str
    rows: tuple
    probes: dict


GRIDS = {
    1: Comparison(
        "Freezing, and latent targets",
        (
            Row("MAE", MAE),
            Row("MAE, freezing only", FREEZING_ONLY),
            Row("LayerLock", LAYERLOCK),
            Row("MAE, at LayerLock's FLOPs", MAE, LAYERLOCK, "LayerLock"),
            Row(
                "MAE, at freezing only's FLOPs",
                MAE,
                FREEZING_ONLY,
                "MAE, freezing only",
            ),
            Row("V-JEPA", V_JEPA),
            Row("V-JEPA + LayerLock", V_JEPA_LAYERLOCK, against="V-JEPA"),
            Row(
                "V-JEPA, at V-JEPA + LayerLock's FLOPs",
                V_JEPA,
                V_JEPA_LAYERLOCK,
                "V-JEPA + LayerLock",
            ),
        ),
        FULL,
    ),
    2: Comparison(
        "A latent loss without freezing",
        (
            Row("MAE", MAE),
            Row("LayerLock", LAYERLOCK),
            Row("MAE + latent", LATENT),
            Row("MAE + latent, cosine weight", f"{LATENT} {COSINE}"),
            Row("MAE + latent, gradient", f"{LATENT} --target_gradient"),
            Row(
                "MAE + latent, cosine weight, gradient",
                f"{LATENT} --target_gradient {COSINE}",
            ),
        ),
        FULL,
    ),
    3: Comparison(
        "Positions",
        (
            Row("rotary, MAE", MAE),
            Row("rotary, LayerLock", LAYERLOCK),
            *(
                Row(
                    f"{name}, {method}",
                    f"{flags} --positions={positions}",
                    against=f"rotary, {method}",
                )
                for name, positions in (
                    ("rotary on q and k", "rotary_qk"),
                    ("learned", "learned"),
                    ("none", "none"),
                )
                for method, flags in (("MAE", MAE), ("LayerLock", LAYERLOCK))
            ),
        ),
        SWEEP,
    ),
    4: Comparison(
        "The schedule, the head, the targets",
        (
            Row("LayerLock", LAYERLOCK),
            *(
                Row(
                    f"first freeze at {start} %, {number} every {interval} %",
                    f"--start_step={start}% --interval={interval}%{together}",
                )
                for start in (10, 30, 60)
                for interval in (4, 12)
                for number, together in (
                    ("one", ""),
                    ("two", " --layers_per_event=2"),
                )
            ),
            Row(
                "first freeze at 80 %, one every 4 %",
                "--start_step=80% --interval=4%",
            ),
            Row("two layers together", "--layers_per_event=2"),
            Row("four layers together", "--layers_per_event=4"),
            Row("twice the learning rate", TWICE_THE_RATE),
            Row("twice the learning rate, MAE", f"{MAE} {TWICE_THE_RATE}"),
            Row("no mini warm-up", "--mini_warmup_steps=0"),
            Row("head rebuilt", "--head_reset"),
            Row(
                "latents not normalised",
                "--objective_args=normalize_latents=False",
            ),
            Row(
                "pixels not normalised",
                "--objective_args=normalize_pixels=False",
            ),
        ),
        SWEEP,
    ),
    5: Comparison(
        "How much is predicted, and what the targets see",
        (
            Row("LayerLock", LAYERLOCK),
            Row("a quarter of the hidden patches", QUARTER),
            Row("5 % of the hidden patches", "--target_fraction=0.05"),
            Row("a quarter, targets that see no more", QUARTER_SEEN),
            Row("four masks of a quarter of the clips", FOUR_MASKS),
            *(
                Row(f"{name}, at LayerLock's FLOPs", flags, LAYERLOCK)
                for name, flags in (
                    ("a quarter", QUARTER),
                    ("a quarter, targets that see no more", QUARTER_SEEN),
                    ("four masks", FOUR_MASKS),
                )
            ),
            Row("all earlier targets", "--objective_args=all_targets=True"),
        ),
        SWEEP,
    ),
    6: Comparison(
        "Freezing and target apart",
        (
            Row("LayerLock", LAYERLOCK),
            Row("the target stays at pixels", FREEZING_ONLY),
            Row("the target one layer behind", "--target_lag=1"),
            Row("the target two layers behind", "--target_lag=2"),
            Row(
                "the target one layer ahead, where it moves",
                "--target_lag=-1 --allow_moving_target",
            ),
        ),
        SWEEP,
    ),
    7: Comparison(
        "Three times as long, at twice the learning rate",
        (
            Row("MAE", f"{MAE} {TWICE_THE_RATE}", length=3),
            Row("LayerLock", TWICE_THE_RATE, length=3),
            Row(
                "V-JEPA", f"{V_JEPA} {TWICE_THE_RATE} {QUICK_TEACHER}", length=3
            ),
            Row(
                "V-JEPA + LayerLock",
                f"{V_JEPA_LAYERLOCK} {TWICE_THE_RATE} {QUICK_TEACHER}",
                against="V-JEPA",
                length=3,
            ),
            Row(
                "V-JEPA + LayerLock, first freeze at 60 %",
                f"{V_JEPA_LAYERLOCK} {TWICE_THE_RATE} {QUICK_TEACHER} "
                "--start_step=60% --interval=6%",
                against="V-JEPA",
                length=3,
            ),
        ),
        FULL,
    ),
    8: Comparison(
        "V-JEPA at its defaults, three times as long",
        (
            Row("V-JEPA", f"{V_JEPA} {TODAYS_RATE}", length=3),
            Row(
                "V-JEPA + LayerLock",
                f"{V_JEPA_LAYERLOCK} {TODAYS_RATE}",
                length=3,
            ),
        ),
        FULL,
    ),
}
