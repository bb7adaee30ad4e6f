"""Plans steps for eight devices that do not exist; prints them as JSON.

Run as `python -m tests.backends.jax.planned DISTRIBUTION:BATCH:FROZEN ...`.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import keras

from layerlock import backends
from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.models import sharding
from layerlock.models.video_encoder import VideoEncoder

WIDTH, MLP = 192, 768
CLIP_SHAPE = (4, 8, 8)


def build(frozen_layers):
    encoder = VideoEncoder(
        num_layers=4,
        num_heads=2,
        hidden_dim=WIDTH,
        mlp_dim=MLP,
        patch_size=(2, 4, 4),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
        remat=True,
        name="encoder",
    )
    model = MaskedPretraining(
        encoder,
        MaskedAutoencoding(target="pixels"),
        mask=RandomMask(0.5),
        frozen_layers=frozen_layers,
    )
    model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=1.0))
    model.optimizer.build(model.trainable_variables)
    return model


def plan(distribution, batch_size, frozen_layers):
    with backends.distributed(distribution, None, sharding.axes(distribution)):
        [step] = backends.plan_steps(
            [lambda: build(frozen_layers)], (batch_size, *CLIP_SHAPE, 3)
        )
    sent = {}
    for one in step.collectives:
        sent[one.kind] = sent.get(one.kind, 0) + one.bytes_sent
    return {"sent": sent, "state": step.state_bytes}


if __name__ == "__main__":
    found = {}
    for argument in sys.argv[1:]:
        distribution, batch_size, frozen_layers = argument.split(":")
        found[argument] = plan(
            distribution, int(batch_size), int(frozen_layers)
        )
    print(json.dumps(found))
