"""The predictor that a run goes on with: of imported weights, or of a run."""

import dataclasses
import math
import pathlib
from collections.abc import Callable

from layerlock.config import PretrainConfig, facts
from layerlock.models import stored_predictor, transfer
from layerlock.models.patches import CHANNELS, patch_grid
from layerlock.runs import checkpoint_parts, checkpoints


@dataclasses.dataclass(frozen=True)
class FoundPredictor:
    """A predictor beside the encoder of `init_from`.

    Args:
        kind: the class.
        arguments: dict, of its constructor.
        load: function without arguments that returns it with its weights.
    """

    kind: type
    arguments: dict
    load: Callable


def find(config: PretrainConfig, objective, mask) -> FoundPredictor | None:
    """The predictor that a run goes on with, if there is one that fits.

    Args:
        config: resolved.
        objective: the `Objective` of the run.
        mask: the `Mask` of the run.
    """
    found = _beside(config)
    if found is None or _misfit(found, config, objective, mask):
        return None
    return found


def why_not(config: PretrainConfig, objective, mask) -> str:
    """Why a predictor beside the encoder is not used; else `""`.

    Args:
        config, objective, mask: as for `find`.
    """
    found = _beside(config)
    return _misfit(found, config, objective, mask) if found else ""


def build(config: PretrainConfig, found: FoundPredictor):
    """Builds a predictor for the clips of a run, with the weights found.

    Args:
        config: resolved.
        found: the result of `find`.
    """
    arguments = {
        **found.arguments,
        "dtype": config.encoder.dtype,
        "name": "predictor",
    }
    if found.kind is stored_predictor.LatentPredictor:
        arguments["clip_grid"] = _grid(config)
        arguments["remat"] = config.encoder.remat
    if "num_decoder_layers" in arguments:
        sizes = facts.encoder_arguments(config)
        arguments["num_decoder_layers"] = sizes["num_decoder_layers"]
    predictor = found.kind.from_config(arguments)
    transfer.copy_weights(found.load(), predictor)
    return predictor


def _beside(config) -> FoundPredictor | None:
    if not config.encoder.init_from:
        return None
    return _of_import(config) or _of_run(config)


def _of_import(config) -> FoundPredictor | None:
    place = config.encoder.init_from
    arguments = stored_predictor.read_config(place)
    if arguments is None:
        return None
    return FoundPredictor(
        stored_predictor.LatentPredictor,
        arguments,
        lambda: stored_predictor.load(place),
    )


def _of_run(config) -> FoundPredictor | None:
    """The one of the newest checkpoint; of the run's own at a resume."""
    places = [config.encoder.init_from]
    if config.run.resume:  # the other run may have gone on, or be gone
        places.insert(0, config.run.run_dir)
    for place in places:
        folder = pathlib.Path(place) / "checkpoints"
        if not checkpoints.find(folder):
            continue
        checkpoint, state, _ = checkpoints.read_newest(folder)
        described = state.get("predictor")
        if described is None:
            return None  # of a version that did not describe it
        kind = stored_predictor.KINDS[described["class_name"]]
        arguments = described["config"]
        names = described.get("variables", [])

        def load(
            kind=kind, arguments=arguments, checkpoint=checkpoint, names=names
        ):
            predictor = kind.from_config(arguments)
            checkpoint_parts.load_part(
                checkpoint, "predictor", predictor, names
            )
            return predictor

        return FoundPredictor(kind, arguments, load)
    return None


def _misfit(found, config, objective, mask) -> str:
    """Why a predictor does not fit a run, in words; `""` if it does."""
    sizes, arguments = facts.encoder_arguments(config), found.arguments
    teacher = facts.teacher_sizes(config) or sizes
    name = stored_predictor.NAMES[found.kind]
    if objective.predictor != name:
        hint = ""
        if "predictor" in objective.get_config():
            hint = f", `objective_args=predictor={name}` takes it"
        return f"the objective has another kind of predictor{hint}"
    num_heads = objective.max_latent_targets(facts.num_freezable(config))
    num_kinds = len(mask.counts(_grid(config)))
    patch_dim = CHANNELS * math.prod(sizes["patch_size"])
    latent_dim = arguments.get("latent_dim") or arguments["hidden_dim"]
    for what, has, needed in (
        ("tokens of width", arguments["hidden_dim"], sizes["hidden_dim"]),
        ("values per patch:", arguments["patch_dim"], patch_dim),
        ("heads for features:", arguments["num_latent_heads"], num_heads),
        ("features of width", latent_dim, teacher["hidden_dim"]),
    ):
        if has != needed:
            return f"it was built for {what} {has}, and the run has {needed}"
    if arguments.get("predicts_visible", False) != objective.predicts_visible:
        if objective.predicts_visible:
            return "it predicts hidden patches alone, and the run visible ones"
        return "it predicts visible patches, too, and the run hidden ones alone"
    masks = arguments.get("num_mask_kinds", num_kinds)
    if masks < num_kinds:
        return f"it has {masks} mask tokens, and the mask has {num_kinds} kinds"
    return ""


def _grid(config) -> tuple:
    sizes = facts.encoder_arguments(config)
    return patch_grid(sizes["clip_shape"], sizes["patch_size"])
