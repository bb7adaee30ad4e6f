"""Options of the method: what is predicted, and what is hidden."""

from layerlock import plugins
from layerlock.config import components, facts
from layerlock.config.option import option
from layerlock.config.section import Section, section

FEW_PATCHES = 1000  # clips of fewer hide less of them
CONTEXTS = ("clip", "scored")


def _mask(config):
    """multiblock for vjepa, random for others: the objective's own"""
    objective = facts.plugin_class("objective", config.method.objective)
    return objective.default_mask


def _masks_per_clip(config):
    """4 for lejepa, which compares them, 1 for others: the objective's own"""
    objective = facts.plugin_class("objective", config.method.objective)
    return objective.default_masks_per_clip


def _mask_ratio(config):
    """0.75 for clips of fewer than 1000 patches, the mask's own for others"""
    mask = facts.plugin_class("mask", config.method.mask)
    if not isinstance(config.method.mask, str):
        return None
    if "ratio" not in plugins.argument_names(mask):
        return None
    if "ratio" in components.own_arguments(config, "mask"):
        return None
    # 5 % of them are too few to learn from.
    return 0.75 if facts.num_patches(config) < FEW_PATCHES else None


@section
class MethodConfig(Section):
    """The objective with its targets, and the mask."""

    title = "Method"

    objective: str = option(
        "mae",
        "What is predicted.",
        choices=facts.names("objective"),
        plugin=True,
    )
    objective_args: dict = option(
        "", "name=value,... for the constructor of the objective."
    )
    target: str = option(
        "latents",
        "mae: latents, the newest frozen layer (LayerLock), or pixels "
        "(freezing only).",
        choices=("latents", "pixels"),
        argument_of="objective",
    )
    target_lag: int = option(
        0,
        "mae: layers that the target stays behind the newest frozen one.",
        argument_of="objective",
    )
    target_gradient: bool = option(
        False,
        "Let the gradient through targets that move: the baseline that "
        "collapses.",
        argument_of="objective",
    )
    allow_moving_target: bool = option(
        False, "Predict layers that are neither frozen nor a teacher's."
    )
    target_fraction: float = option(
        1.0,
        "Share of the hidden patches that is decoded and scored.",
        above=0,
        high=1,
    )
    target_context: str = option(
        "clip",
        "What the layers process that compute targets: the whole clip, or only "
        "its visible and its scored patches, which is cheaper where "
        "target_fraction is small.",
        choices=CONTEXTS,
    )
    masks_per_clip: int = option(
        rule=_masks_per_clip,
        help="Masks drawn for every clip; they share the target's pass, or are "
        "compared with each other.",
        low=1,
    )
    mask: str = option(
        rule=_mask,
        choices=facts.names("mask"),
        plugin=True,
        help="Which patches are hidden.",
    )
    mask_args: dict = option(
        "", "name=value,... for the constructor of the mask."
    )
    mask_ratio: float | None = option(
        rule=_mask_ratio,
        argument_of="mask",
        help="Share of the patches that is hidden.",
    )

    def check_together(self, config):
        facts.check_teacher(config)
