"""Plans steps for eight devices that do not exist; prints them as JSON.

Run with KERAS_BACKEND=jax as

    python -m tests.backends.jax.planned DISTRIBUTION:BATCH:STAGES ...

Stages are numbers of frozen layers, such as 1,3.
"""

import functools
import json
import sys

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
        remat="blocks",
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


def plan(distribution, batch_size, stages):
    with backends.distributed(distribution, None, sharding.axes(distribution)):
        steps = backends.plan_steps(
            [functools.partial(build, frozen) for frozen in stages],
            (batch_size, *CLIP_SHAPE, 3),
        )
    for frozen, step in zip(stages, steps, strict=True):
        sent = {}
        for one in step.collectives:
            sent[one.kind] = sent.get(one.kind, 0) + one.bytes_sent
        yield (
            f"{distribution}:{batch_size}:{frozen}",
            {"sent": sent, "state": step.state_bytes},
        )


if __name__ == "__main__":
    found = {}
    for argument in sys.argv[1:]:
        distribution, batch_size, stages = argument.split(":")
        found.update(
            plan(
                distribution, int(batch_size), list(map(int, stages.split(",")))
            )
        )
    print(json.dumps(found))
