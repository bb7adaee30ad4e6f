"""What a pre-training run computes with: model, optimizer and devices."""

import contextlib
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
    jit_compile = config.encoder.jit_compile
    model.compile(
        optimizer=build_optimizer(config, method.learning_rate),
        jit_compile="auto" if jit_compile is None else jit_compile,
    )
    return model


@contextlib.contextmanager
def distributed(kind: str):
    """Spreads batches, or the model too, over the devices.

    The distribution of the caller is restored at the end.

    Args:
        kind: `"none"`, `"data"` or `"model"`.
    """
    if kind == "none":
        yield
        return
    devices = keras.distribution.list_devices()
    if kind == "data":
        spread = keras.distribution.DataParallel(devices=devices)
    else:
        mesh = keras.distribution.DeviceMesh(
            (1, len(devices)), ("batch", "model"), devices
        )
        spread = keras.distribution.ModelParallel(
            layout_map=sharding.layout_map(mesh), batch_dim_name="batch"
        )
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(spread)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def build_model(config: PretrainConfig, method: Method) -> MaskedPretraining:
    """The encoder, fresh or trained earlier, and what trains it."""
    dtype = config.encoder.dtype
    if config.encoder.init_from:
        encoder = warm_start.load_encoder(config, method.objective)
    else:
        arguments = facts.encoder_arguments(config)
        encoder = VideoEncoder(**arguments, dtype=dtype, name="encoder")
    found = predictors.find(config, method.objective, method.mask)
    model = MaskedPretraining(
        encoder,
        objective=method.objective,
        mask=method.mask,
        predictor=found and predictors.build(config, found),
        seed=config.training.seed,
        target_fraction=config.method.target_fraction,
        masks_per_clip=config.method.masks_per_clip,
        target_context=config.method.target_context,
        allow_moving_target=config.method.allow_moving_target,
        fixed_teacher=teachers.load(config),
        dtype=dtype,
    )
    model.saves_fixed_teacher = False
    if config.encoder.init_from:
        started = warm_start.carry_over(
            config, model, has_predictor=found is not None
        )
        if not config.run.resume:
            print(started)
    return model


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
