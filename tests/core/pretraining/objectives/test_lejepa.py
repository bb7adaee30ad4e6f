"""LeJEPA's formulas against NumPy, and whether its runs stay healthy."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import data
from layerlock.core.monitoring.monitors import Monitors
from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives import Batch
from layerlock.core.pretraining.objectives.lejepa import LeJEPA
from layerlock.models.predictor import LatentPredictor
from layerlock.models.video_encoder import VideoEncoder
from tests.marks import thorough_on
from tests.reference import sigreg as reference

EMBEDDINGS = np.random.default_rng(0).normal(0.2, 0.8, (6, 5, 7))


def by_kind(embeddings, num_kinds, masks_per_clip):
    """What the model hands over: the masks of a clip follow each other."""
    views, clips, dim = embeddings.shape
    kinds = embeddings.reshape(num_kinds, masks_per_clip, clips, dim)
    rows = kinds.transpose(0, 2, 1, 3).reshape(num_kinds, -1, 1, dim)
    return [(ops.convert_to_tensor(kind.astype("float32")),) for kind in rows]


def loss_of(objective, predictions, batch):
    targets = objective.view_targets(predictions, batch.masks_per_clip)
    return float(objective.batch_loss(predictions, targets, batch))


@pytest.mark.parametrize("weight", [0.0, 0.3])
@pytest.mark.parametrize("num_kinds, masks_per_clip", [(1, 6), (2, 3), (6, 1)])
def test_the_loss_equals_the_reference(weight, num_kinds, masks_per_clip):
    objective = LeJEPA(weight, num_slices=10)
    predictions = by_kind(EMBEDDINGS, num_kinds, masks_per_clip)
    batch = Batch(seed=4, index=9, masks_per_clip=masks_per_clip)

    found = loss_of(objective, predictions, batch)

    directions = reference.directions(10, 7, 4, 9)
    expected = reference.loss(EMBEDDINGS, weight, directions)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_target_is_the_mean_of_the_views_of_the_same_clip():
    predictions = by_kind(EMBEDDINGS, 2, 3)

    targets = LeJEPA().view_targets(predictions, 3)

    expected = EMBEDDINGS.mean(axis=0).repeat(3, axis=0)[:, None]
    for (target,) in targets:
        np.testing.assert_allclose(
            ops.convert_to_numpy(target), expected, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sigreg_weight": 1}, "sigreg_weight=1"),
        ({"sigreg_weight": -0.1}, "sigreg_weight=-0.1"),
        ({"num_slices": 0}, "num_slices=0"),
        ({"num_slices": 2.5}, "num_slices=2.5"),
        ({"num_knots": 2.9}, "num_knots=2.9"),
        ({"num_knots": 1}, "num_knots=1"),
        ({"last_knot": 0}, "last_knot=0"),
    ],
)
def test_arguments_out_of_their_range_are_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        LeJEPA(**arguments)


def build(objective, mask=None, **arguments):
    keras.utils.set_random_seed(0)
    encoder = VideoEncoder(
        num_layers=2,
        num_heads=2,
        hidden_dim=48,
        mlp_dim=96,
        patch_size=(2, 8, 8),
        clip_shape=(4, 32, 32),
        num_decoder_layers=1,
    )
    mask = mask or RandomMask(0.75)
    return MaskedPretraining(encoder, objective, mask=mask, **arguments)


def test_one_view_is_refused():
    with pytest.raises(ValueError, match="at least 2 masks of each clip"):
        build("lejepa", masks_per_clip=1)


@thorough_on("jax")
def test_each_kind_of_mask_is_a_view(monkeypatch):
    model, seen = build("lejepa", mask="multiblock", masks_per_clip=1), []
    compare = model.objective.view_targets
    monkeypatch.setattr(
        model.objective,
        "view_targets",
        lambda views, number: (
            seen.append([tuple(view.shape) for (view,) in views])
            or compare(views, number)
        ),
    )

    model(ops.zeros((2, 4, 32, 32, 3), "uint8"))

    assert seen == [[(2, 1, 16), (2, 1, 16)]]


def test_a_predictor_of_layers_is_refused():
    encoder = build("lejepa").encoder

    with pytest.raises(ValueError, match="Pass a `Projector`"):
        MaskedPretraining(
            encoder, "lejepa", predictor=LatentPredictor.for_encoder(encoder)
        )


def test_held_out_losses_have_the_directions_of_the_first_batch(monkeypatch):
    model, seen = build("lejepa", seed=3), []
    monkeypatch.setattr(
        model.objective,
        "batch_loss",
        lambda predictions, targets, batch: seen.append(batch),
    )
    model.batches_seen.assign(7)

    model(ops.zeros((2, 4, 32, 32, 3), "uint8"))

    assert [(batch.seed, batch.index) for batch in seen] == [(3, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "weight, verdict", [(0.02, "healthy"), (0.0, "collapsed")]
)
def test_sigreg_alone_keeps_a_run_from_collapsing(weight, verdict):
    source = data.get("scenes", frames=4, size=32)
    clips = np.stack([source[index][0] for index in range(160)])
    model = build(LeJEPA(weight, num_slices=64))
    model.compile(keras.optimizers.AdamW(3e-3, global_clipnorm=1.0))
    monitors = Monitors(every=4, print_fn=lambda text: None)
    verdicts = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: verdicts.append(
            monitors.values.get("verdict")
        )
    )

    model.fit(
        clips,
        batch_size=16,
        epochs=6,
        shuffle=False,
        verbose=0,
        callbacks=[monitors, keep],
    )

    assert verdicts[-1] == verdict
    assert verdict == "collapsed" or set(verdicts) == {None, "healthy"}
