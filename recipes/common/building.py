"""What a pre-training run computes with: model, optimizer and devices."""

import importlib.util
import pathlib

from common import network

import keras

import layerlock
from layerlock import backends
from layerlock.models import sharding


def check_libraries():
    """Raises if what every run needs is not installed."""
    if importlib.util.find_spec("grain") is None:
        raise ImportError(
            "Clips are read with Grain, which is not installed. "
            'To install it: pip install "layerlock[video]"'
        )


def cache_programs(chosen):
    """Keeps compiled programs where the flags say."""
    if chosen["compilation_cache"]:
        folder = pathlib.Path(chosen["compilation_cache"]).expanduser()
        backends.cache_programs(folder)


def distribute(chosen):
    """Spreads batches, or the model too, over the devices."""
    kind = chosen["distribution"]
    if kind == "none":
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
    keras.distribution.set_distribution(spread)


def build_model(chosen, method) -> layerlock.MaskedPretraining:
    """The encoder, fresh or exported earlier, and what trains it."""
    arguments = network.encoder_arguments(chosen)
    dtype = network.dtype(chosen)
    if chosen["init_from"]:
        encoder = layerlock.VideoEncoder.from_preset(
            network.encoder_folder(chosen),
            clip_shape=arguments["clip_shape"],
            num_decoder_layers=arguments["num_decoder_layers"],
            remat=chosen["remat"],
            dtype=dtype,
            name="encoder",
        )
    else:
        encoder = layerlock.VideoEncoder(
            **arguments, dtype=dtype, name="encoder"
        )
    return layerlock.MaskedPretraining(
        encoder,
        objective=method.objective,
        mask=method.mask,
        seed=chosen["seed"],
        target_fraction=chosen["target_fraction"],
        masks_per_clip=chosen["masks_per_clip"],
        target_context=chosen["target_context"],
        allow_moving_target=chosen["allow_moving_target"],
        dtype=dtype,
    )


def build_optimizer(chosen, learning_rate) -> keras.Optimizer:
    """AdamW; norms, biases and positions do not decay."""
    accumulation = chosen["accumulation"]
    optimizer = keras.optimizers.AdamW(
        learning_rate,
        weight_decay=chosen["weight_decay"],
        global_clipnorm=chosen["gradient_clip"] or None,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "^latent$", "^table$"]
    )
    return optimizer
