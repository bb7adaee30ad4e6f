"""Target layers of each stage, and checks of a model's settings."""

from layerlock.core.pretraining.objectives.base import PREDICTORS, TEACHERS


def target_layers(objective, frozen_layers: int, deepest: int) -> tuple:
    """Returns the target layers of a stage: 0 is the pixels, k is block k.

    Args:
        objective: an `Objective`.
        frozen_layers: int, blocks that are frozen, or `None` for a run that
            never freezes.
        deepest: int, the last block that can be a target.
    """
    if frozen_layers is None:
        layers = objective.unfrozen_target_layers()
    else:
        layers = objective.target_layers(frozen_layers)
    positions = [
        max(deepest + 1 + layer, 1) if layer < 0 else min(layer, deepest)
        for layer in layers
    ]
    return tuple(dict.fromkeys(positions))


def num_scored(num_hidden: int, target_fraction: float) -> int:
    """Returns the number of hidden patches that are predicted and scored.

    Args:
        num_hidden: int, of a clip under one mask.
        target_fraction: float, share of these patches.
    """
    return max(1, round(num_hidden * target_fraction))


def check_targets(objective, frozen_layers: int, deepest: int):
    """Raises if a target of a stage is neither frozen nor from a teacher.

    Args:
        objective: an `Objective`.
        frozen_layers: int, blocks that are frozen.
        deepest: int, the last block that can be a target.
    """
    targets = target_layers(objective, frozen_layers, deepest)
    newest = max(targets, default=0)
    if objective.teacher != "frozen" or newest <= frozen_layers:
        return
    raise ValueError(
        f"The target, layer {newest}, would move with the encoder and "
        "could collapse towards its prediction: it is not frozen, and there is "
        f"no teacher. Received: {frozen_layers} frozen layers, "
        f"{type(objective).__name__} with {objective.get_config()}. Predict "
        "frozen layers only, use an objective with a teacher, or allow it "
        "with `allow_moving_target=True`."
    )


def check_chosen_layers(objective, deepest: int):
    """Raises if a target that was chosen by its number is no block.

    Those of a fixed teacher are checked with the teacher.

    Args:
        objective: an `Objective`.
        deepest: int, the last block that can be a target.
    """
    for layer in objective.chosen_layers:
        if objective.teacher == "fixed" or -deepest <= layer <= deepest:
            continue
        raise ValueError(
            "`target_layer` is a block that can be a target: from 1 to "
            f"{deepest}, or -1 for the last. Received: layer {layer} of "
            f"target_layer={objective.chosen_layers}."
        )


def check_settings(seed: int, target_fraction: float, masks_per_clip: int):
    """Raises if an argument of `MaskedPretraining` is out of its range.

    Args:
        seed: int, of the masks.
        target_fraction: float, share of the hidden patches that is scored.
        masks_per_clip: int.
    """
    if not 0.0 < target_fraction <= 1.0:
        raise ValueError(
            "`target_fraction`, the share of hidden patches that are scored, "
            "must be above 0 and at most 1. Received: "
            f"target_fraction={target_fraction}."
        )
    if not isinstance(masks_per_clip, int) or masks_per_clip < 1:
        raise ValueError(
            "`masks_per_clip` must be a whole number of at least 1. "
            f"Received: masks_per_clip={masks_per_clip}."
        )
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise ValueError(
            "`seed` must be a whole number from 0 to 2**64 - 1. "
            f"Received: seed={seed}."
        )


def check_objective(objective, fixed_teacher=None):
    """Raises if the predictor or teacher of an objective is unknown.

    Args:
        objective: an `Objective`.
        fixed_teacher: the teacher that the model gets. Defaults to `None`.
    """
    for name, known in (("predictor", PREDICTORS), ("teacher", TEACHERS)):
        value = getattr(objective, name)
        if value not in known:
            raise ValueError(
                f"`{type(objective).__name__}.{name}` must be one of "
                f"{list(known)}. Received: {value!r}."
            )
    if (objective.teacher == "fixed") != (fixed_teacher is not None):
        name = fixed_teacher and fixed_teacher.name
        raise ValueError(
            "An encoder as `fixed_teacher` and an objective with "
            "`teacher='fixed'` need each other. Received: "
            f"fixed_teacher={name}, {type(objective).__name__} with "
            f"teacher={objective.teacher!r}. Pass both, such as "
            "`VJEPA(teacher='fixed')`, or neither."
        )


def check_predictor(objective, predictor):
    """Raises unless a predictor predicts the patches that are scored.

    Args:
        objective: an `Objective`.
        predictor: a layer with `TargetHeads`.
    """
    if objective.predicts_visible != predictor.predicts_visible:
        what = {True: "visible and hidden patches", False: "hidden patches"}
        raise ValueError(
            f"{type(objective).__name__} scores "
            f"{what[objective.predicts_visible]}, and the "
            f"{type(predictor).__name__} predicts "
            f"{what[predictor.predicts_visible]}. Pass a `LatentPredictor` "
            f"with `predicts_visible={objective.predicts_visible}`, or leave "
            "`predictor` out of the model if the objective's is "
            "'transformer'."
        )


def check_mask(objective, mask, grid):
    """Raises if a mask leaves too few visible or hidden patches.

    Args:
        objective: an `Objective`.
        mask: a `Mask`.
        grid: Frames, rows and columns of the clips, in patches.
    """
    mask.validate(grid)
    fewest = min(visible for visible, _ in mask.counts(grid))
    if fewest < objective.min_visible:
        raise ValueError(
            f"{type(objective).__name__} needs at least "
            f"{objective.min_visible} visible patches of each clip. Received: "
            f"{mask}, which leaves {fewest} of a grid of {tuple(grid)} "
            "patches. Hide less, or use larger clips or smaller patches."
        )


def check_views(objective, mask, grid, masks_per_clip: int):
    """Raises if clips get too few masks.

    Args:
        objective: an `Objective`.
        mask: a `Mask`.
        grid: Frames, rows and columns of the clips, in patches.
        masks_per_clip: int.
    """
    views = masks_per_clip * len(mask.counts(grid))
    if views < objective.min_views:
        raise ValueError(
            f"{type(objective).__name__} compares at least "
            f"{objective.min_views} masks of each clip. Received: "
            f"masks_per_clip={masks_per_clip}, with {mask}. Use "
            f"`masks_per_clip={objective.default_masks_per_clip}`."
        )
