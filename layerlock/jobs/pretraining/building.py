"""What a pre-training run computes with: model, optimizer and devices."""

import importlib.util
import pathlib

import keras

from layerlock import backends
from layerlock.backends import randomness
from layerlock.config import PretrainConfig, facts
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.jobs.pretraining import predictors, teachers, warm_start
from layerlock.jobs.pretraining.method import Method
from layerlock.models import sharding
from layerlock.models.video_encoder import VideoEncoder


def check_libraries():
    """Raises if what every run needs is not installed."""
    if importlib.util.find_spec("grain") is None:
        raise ImportError(
            "Clips are read with Grain, which is not installed. "
            'To install it: pip install "layerlock[video]"'
        )


def build(config: PretrainConfig, method: Method) -> MaskedPretraining:
    """The compiled model that is trained."""
    cache = config.run.compilation_cache
    if cache:
        backends.cache_programs(pathlib.Path(cache).expanduser())
    # All other randomness is a function of the seed and of a counter.
    with randomness.seeded(config.training.seed):
        model = build_model(config, method)
    model.compile(
        optimizer=build_optimizer(config, method.learning_rate),
        jit_compile=jit_compile(config),
        steps_per_execution=config.training.steps_per_execution,
    )
    backends.place(model)
    return model


def jit_compile(config: PretrainConfig) -> bool | str:
    """The argument of that name for `compile`: the option, or the default.

    Args:
        config: resolved.
    """
    chosen = config.encoder.jit_compile
    return backends.default_jit_compile() if chosen is None else chosen


def distributed(config: PretrainConfig):
    """Context in which the model of a run is built and trained."""
    kind = config.devices.distribution
    return backends.distributed(kind, config.devices.mesh, sharding.axes(kind))


def build_model(config: PretrainConfig, method: Method) -> MaskedPretraining:
    """The encoder, fresh or trained earlier, and what trains it."""
    dtype = config.encoder.dtype
    if config.encoder.init_from:
        encoder = warm_start.load_encoder(config, method.objective)
    else:
        arguments = facts.encoder_arguments(config)
        encoder = VideoEncoder(**arguments, dtype=dtype, name="encoder")
    found = predictors.find(config, method.objective, method.mask)
    model = pretraining(
        config,
        method,
        encoder,
        predictor=found and predictors.build(config, found),
        fixed_teacher=teachers.load(config),
    )
    model.saves_fixed_teacher = False
    if config.encoder.init_from:
        started = warm_start.carry_over(
            config,
            model,
            found is not None,
            predictors.why_not(config, method.objective, method.mask),
        )
        if not config.run.resume:
            print(started)
    return model


def pretraining(
    config: PretrainConfig, method: Method, encoder, **parts
) -> MaskedPretraining:
    """What trains an encoder.

    Args:
        config: resolved.
        method: its `Method`.
        encoder: a `VideoEncoder`.
        **parts: `predictor`, `fixed_teacher` and `frozen_layers`, as for
            `MaskedPretraining`.
    """
    return MaskedPretraining(
        encoder,
        objective=method.objective,
        mask=method.mask,
        seed=config.training.seed,
        target_fraction=config.method.target_fraction,
        masks_per_clip=config.method.masks_per_clip,
        target_context=config.method.target_context,
        allow_moving_target=config.method.allow_moving_target,
        dtype=config.encoder.dtype,
        **parts,
    )


def build_optimizer(config: PretrainConfig, learning_rate) -> keras.Optimizer:
    """AdamW; norms, biases and positions do not decay."""
    accumulation = config.training.accumulation
    optimizer = keras.optimizers.AdamW(
        learning_rate,
        weight_decay=config.training.weight_decay,
        global_clipnorm=config.training.gradient_clip or None,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "^latent$", "^table$"]
    )
    return optimizer
