"""What every objective must do inside of a model, with its own mask."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import backends, plugins
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining import objectives
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.models.video_encoder import VideoEncoder
from layerlock.runs import checkpoints
from tests.marks import thorough_on

CLIP_SHAPE = (4, 16, 16)  # a grid of 2 x 4 x 4


@pytest.fixture(params=plugins.names("layerlock.core.pretraining.objectives"))
def objective(request):
    return objectives.get(request.param)


def build(objective, optimizer=None):
    keras.utils.set_random_seed(7)
    encoder = VideoEncoder(
        num_layers=3,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=16,
        patch_size=(2, 4, 4),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
        name="encoder",
    )
    model = MaskedPretraining(encoder, objective, seed=3)
    model.compile(optimizer or keras.optimizers.SGD(0.01, momentum=0.9))
    return model


def clips(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (4, *CLIP_SHAPE, 3), dtype="uint8")


def weights(variables):
    return [np.array(ops.convert_to_numpy(v.value)) for v in variables]


@thorough_on("tensorflow")
def test_it_learns(objective):
    model = build(objective)

    losses = [
        float(model.train_on_batch(clips(), return_dict=True)["batch_loss"])
        for _ in range(8)
    ]

    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@thorough_on("jax", "tensorflow")
def test_only_hidden_tokens_are_predicted(objective, monkeypatch):
    model = build(objective)
    predict, seen = model.predict_hidden, []

    def spy(features, visible, hidden, grid, mask_kind=0):
        seen.append([ops.convert_to_numpy(x) for x in (visible, hidden)])
        return predict(features, visible, hidden, grid, mask_kind)

    monkeypatch.setattr(model, "predict_hidden", spy)
    model(ops.convert_to_tensor(clips()))

    assert len(seen) == len(model.mask.counts(model.encoder.grid()))
    for visible, hidden in seen:
        for row in range(len(visible)):
            assert not set(visible[row]) & set(hidden[row])


@thorough_on("tensorflow")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_no_gradient_reaches_the_targets(objective, monkeypatch):
    """What the visible branch does not move, nothing moves."""
    # Views of a clip are one branch.
    assert not (objective.target_gradient and objective.target_layers(0))
    model = build(objective, keras.optimizers.SGD(1.0))
    encode = model.encode_visible
    monkeypatch.setattr(
        model,
        "encode_visible",
        lambda *arguments: ops.stop_gradient(encode(*arguments)),
    )
    trunk = [
        variable
        for unit in model.freezable_layers
        for layer in unit
        for variable in layer.variables
    ]
    before = weights(trunk)

    model.train_on_batch(clips())

    backends.sync_state(model)
    for value, expected in zip(weights(trunk), before, strict=True):
        np.testing.assert_array_equal(value, expected)


@thorough_on("jax", "tensorflow")
def test_it_goes_on_from_a_checkpoint_across_a_freeze(objective, tmp_path):
    expected, restored = build(objective), build(objective)
    schedule = PiecewiseFreezeSchedule([(2, 1), (4, 2)])
    scheduler = FreezeScheduler(schedule, expected)
    for step in range(1, 4):
        expected.train_on_batch(clips(step))
        scheduler.update(step)
    path = checkpoints.save(tmp_path, expected, 3, {})

    again = FreezeScheduler(schedule, restored)
    again.freeze(1)
    checkpoints.load_weights(path, restored)
    for step in range(4, 7):
        for model, used in ((expected, scheduler), (restored, again)):
            model.train_on_batch(clips(step))
            used.update(step)

    for model in (expected, restored):
        backends.sync_state(model)
    for value, other in zip(
        weights(expected.variables), weights(restored.variables), strict=True
    ):
        np.testing.assert_array_equal(value, other)
