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
    if not config.encoder.init_from:
        return None
    found = _of_import(config) or _of_run(config)
    if found is None or not _fits(found, config, objective, mask):
        return None
    return found


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
    if "clip_grid" in arguments:
        arguments["clip_grid"] = _grid(config)
    if "num_decoder_layers" in arguments:
        sizes = facts.encoder_arguments(config)
        arguments["num_decoder_layers"] = sizes["num_decoder_layers"]
    predictor = found.kind.from_config(arguments)
    transfer.copy_weights(found.load(), predictor)
    return predictor


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


def _fits(found, config, objective, mask) -> bool:
    sizes, arguments = facts.encoder_arguments(config), found.arguments
    teacher = facts.teacher_sizes(config) or sizes
    latent_dim = arguments.get("latent_dim") or arguments["hidden_dim"]
    num_heads = objective.max_latent_targets(facts.num_freezable(config))
    num_kinds = len(mask.counts(_grid(config)))
    return (
        objective.predictor == stored_predictor.NAMES[found.kind]
        and arguments["hidden_dim"] == sizes["hidden_dim"]
        and arguments["patch_dim"] == CHANNELS * math.prod(sizes["patch_size"])
        and arguments["num_latent_heads"] == num_heads
        and latent_dim == teacher["hidden_dim"]
        and arguments.get("num_mask_kinds", num_kinds) >= num_kinds
    )


def _grid(config) -> tuple:
    sizes = facts.encoder_arguments(config)
    return patch_grid(sizes["clip_shape"], sizes["patch_size"])
