"""The rows of the study: ways to pre-train, and settings to choose from."""

import dataclasses
import re

# Of all steps of SALT, those of the teacher: 40,000 of 240,000 as published.
TEACHER_SHARE = 1 / 6
LEARNING_RATES = (0.5, 1.0, 2.0)  # times the default


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to pre-train.

    Args:
        name: str.
        flags: str, of `recipes/pretrain.py`; `30%` is a share of the steps.
            `{teacher}` is the run of `teacher`, `{schedule}` what the study of
            convergence found, `{quarter}` a quarter of the batch size.
        teacher: str or `None`, flags of a run before, which takes
            `TEACHER_SHARE` of the steps.
        against: str, the method that it is compared with. Defaults to MAE.
        has_curve: bool, whether it is trained at every length. Defaults to
            `False`: at the longest.
        settings: tuple of str, flags to choose from, beside the learning rate.
            Defaults to those of `flags` alone.
        rate_of: str or `None`, the method whose learning rate it takes: a
            variant of it, for which none is chosen. Defaults to `None`.
        variant_of: str or `None`, the method whose learning rate and chosen
            flags it takes: it differs in `flags` alone. Defaults to `None`.
        longer: float, times the longest run: a further length, so that a
            dearer method is compared at equal FLOPs. Defaults to `None`.
    """

    name: str
    flags: str
    teacher: str | None = None
    against: str = "MAE"
    has_curve: bool = False
    settings: tuple = ("",)
    rate_of: str | None = None
    variant_of: str | None = None
    longer: float | None = None

    @property
    def decided_by(self) -> str:
        """The name of the method whose settings are chosen for it."""
        return self.variant_of or self.rate_of or self.name

    @property
    def slug(self) -> str:
        """Its name as a part of a folder's."""
        return re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")

    def of_one_length(self):
        """The same method, which is trained at the longest length alone."""
        return dataclasses.replace(self, has_curve=False, longer=None)

    def candidates(self) -> list[tuple[float, str]]:
        """Pairs of a factor of the learning rate and flags, default first."""
        rates = sorted(LEARNING_RATES, key=lambda factor: factor != 1.0)
        first = [(rate, self.settings[0]) for rate in rates]
        return first + [(1.0, flags) for flags in self.settings[1:]]


def shares(flags: str, steps: int, freezes: int = 1) -> str:
    """Flags with shares of a run as steps.

    Args:
        flags: str; `/freezes` shares steps among all freezes.
        steps: int, of the run.
        freezes: int, of the run. Defaults to `1`.

    >>> shares("--start_step=60% --interval=16%/freezes", 2000, 4)
    '--start_step=1200 --interval=80'
    """

    def count(found):
        each = int(found[1]) * steps // 100
        return str(max(1, each // freezes if found[2] else each))

    return re.sub(r"(\d+)%(/freezes)?", count, flags)


MAE = Method("MAE", "--schedule=never", has_curve=True, longer=1.75)
LAYERLOCK = Method(
    "LayerLock",
    "--objective=mae",
    has_curve=True,
    settings=("", "--start_step=80% --interval=16%/freezes"),
    longer=1.75,  # as long as MAE's longest, which still learns
)
V_JEPA = Method("V-JEPA", "--objective=vjepa --schedule=never", has_curve=True)
METHODS = (
    MAE,
    Method("MAE, freezing only", "--target=pixels", variant_of="LayerLock"),
    LAYERLOCK,
    # Pixels for a third of the run; all other targets share the rest.
    Method(
        "LayerLock, paper's schedule",
        "--start_step=33% --interval=67%/freezes",
        rate_of="LayerLock",
    ),
    Method("LayerLock, converged", "--schedule=converged", rate_of="LayerLock"),
    Method("LayerLock, convergence study", "{schedule}", rate_of="LayerLock"),
    Method(
        "LayerLock, 4 masks per clip",
        "--masks_per_clip=4 --batch_size={quarter}",
        variant_of="LayerLock",
    ),
    # Cheaper steps: a quarter of the hidden patches is predicted. The longer
    # run has the FLOPs of MAE's.
    Method(
        "LayerLock, a quarter scored",
        "--target_fraction=0.25 --target_context=scored",
        against="MAE, a quarter scored",
        variant_of="LayerLock",
        longer=1.6,
    ),
    Method(
        "MAE, a quarter scored",
        "--schedule=never --target_fraction=0.25",
        rate_of="MAE",
        longer=1.6,
    ),
    V_JEPA,
    Method(
        "V-JEPA + LayerLock",
        "--objective=vjepa",
        against="V-JEPA",
        has_curve=True,
    ),
    Method(
        "V-JEPA, teacher fixed by freezing",
        "--objective=vjepa --teacher=frozen",
        against="V-JEPA",
        variant_of="V-JEPA + LayerLock",
    ),
    Method(
        "SALT",
        "--objective=vjepa --teacher={teacher} --schedule=never "
        "--objective_args=target_layer=-1",
        teacher="--objective=vjepa --teacher=frozen --schedule=never "
        "--objective_args=target_layer=0,loss_type='l2'",
        against="V-JEPA",
        has_curve=True,
    ),
    Method(
        "LeVJEPA",
        "--objective=lejepa --schedule=never",
        has_curve=True,
        settings=("", "--objective_args=sigreg_weight=0.05"),
    ),
    Method(
        "MAE + latent, cosine weight",
        "--objective=mae_latent --schedule=never "
        "--objective_args=weight_schedule=cosine",
        rate_of="MAE",
    ),
)
SUPERVISED = "supervised, end to end"
