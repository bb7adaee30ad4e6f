"""Starts a run with the weights of an exported encoder, or of another run.

A run, and some imported weights, have more than an encoder: its moving average,
and a predictor (`predictors.py`). The optimizer always starts anew.
"""

import pathlib

from layerlock.config import PretrainConfig, facts
from layerlock.models import exported, transfer
from layerlock.models.patches import patch_grid
from layerlock.models.video_encoder import VideoEncoder


def load_encoder(config: PretrainConfig, objective) -> VideoEncoder:
    """The encoder that a run starts with.

    Args:
        config: resolved, with `init_from`.
        objective: the `Objective` of the run. With a moving average of its own,
            it goes on with the encoder that was trained, and not with the
            average of that one.
    """
    arguments = facts.encoder_arguments(config)
    encoder = VideoEncoder.from_preset(
        _student(config, objective) or _exported(config),
        num_decoder_layers=arguments["num_decoder_layers"],
        remat=config.encoder.remat,
        dtype=config.encoder.dtype,
        name="encoder",
    )
    return transfer.resized(encoder, tuple(arguments["clip_shape"]))


def carry_over(
    config: PretrainConfig, model, has_predictor: bool, misfit: str = ""
) -> str:
    """Sets what a run has beside its encoder; says what was carried over.

    Args:
        config: resolved, with `init_from`.
        model: the `MaskedPretraining`, built with the result of
            `load_encoder`.
        has_predictor: bool, whether its predictor was carried over.
        misfit: str, why a predictor that is there was not. Defaults to `""`.
    """
    carried, new = ["the encoder"], ["the optimizer"]
    if model.teacher is not None:
        if _student(config, model.objective):
            average = VideoEncoder.from_preset(_exported(config))
            transfer.copy_weights(average, model.teacher)
            carried.append("its moving average")
        else:
            new.append("the moving average (a copy of the encoder)")
    if has_predictor:
        carried.append("the predictor")
    else:
        new.append("the predictor")
    sentences = [
        f"Starts from {config.encoder.init_from}.",
        f"Carried over: {', '.join(carried)}. New: {', '.join(new)}.",
    ]
    if misfit:
        sentences.append(f"The predictor beside it is not used: {misfit}.")
    grids = _grid(config), model.encoder.grid()
    if grids[0] != grids[1]:
        before, now = ("x".join(map(str, grid)) for grid in grids)
        sentences.append(f"Clips of {before} patches become {now}.")
        if model.encoder.positions == "learned":
            sentences.append("Learned positions are interpolated.")
    return " ".join(sentences)


def _exported(config) -> pathlib.Path:
    return facts.exported_folder(config.encoder.init_from)


def _student(config, objective) -> pathlib.Path | None:
    """The encoder beside its moving average, where both will be used."""
    path = pathlib.Path(config.encoder.init_from) / "student"
    path = exported.readable_path(path)
    return path if objective.teacher == "ema" and path.is_dir() else None


def _grid(config) -> tuple:
    """The grid of the clips that the encoder was trained on."""
    sizes = exported.read_config(_exported(config))
    return patch_grid(sizes["clip_shape"], sizes["patch_size"])
