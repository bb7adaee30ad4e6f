"""What a run must not lose is saved, and the run ends."""

import keras
import numpy as np
import pytest

from layerlock.core.freezing.schedules import (
    NeverFreezeSchedule,
    PiecewiseFreezeSchedule,
)
from layerlock.models.video_encoder import VideoEncoder
from layerlock.runs import checkpoints, pictures
from tests.core.freezing import dropped_gradients as freezing
from tests.runs.training import Training

EVENT = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Five steps, saved every other one, with a freeze after three."""
    training = Training(
        tmp_path_factory.mktemp("snapshots") / "run",
        PiecewiseFreezeSchedule([(EVENT, 1)]),
        steps=5,
        every=2,
        keep=2,
        log_every=3,
    )
    return training.fit(9)


@pytest.fixture
def saved(tmp_path):
    """A run that was saved by hand, without a step of training."""

    def save(frozen_layers=0, steps=10, step=0):
        training = Training(
            tmp_path / "run", NeverFreezeSchedule(), steps=steps, every=4
        )
        training.model.optimizer.build(training.model.trainable_variables)
        training.model.optimizer.iterations.assign(step)
        training.snapshots.set_model(training.model)
        training.snapshots.on_train_begin()
        training.snapshots.on_epoch_begin(0)
        training.lock.scheduler.freeze(frozen_layers)
        training.snapshots.save()
        training.snapshots.wait()
        return training

    return save


def names(run):
    return [path.name for path in checkpoints.find(run.checkpoints_path)]


def test_training_stops_at_the_last_step(trained):
    assert int(trained.model.optimizer.iterations) == 5


def test_checkpoints_are_saved_at_their_steps_and_the_last_are_kept(trained):
    assert names(trained.run) == ["step_00000005", "step_00000004"]


def test_every_checkpoint_is_whole(trained):
    for checkpoint in checkpoints.find(trained.run.checkpoints_path):
        assert checkpoints.verify(checkpoint) is None


def test_a_checkpoint_holds_stage_events_and_log(trained):
    _, state, _ = checkpoints.read_newest(trained.run.checkpoints_path)

    assert state["step"] == 5
    assert state["frozen_layers"] == 1
    assert state["events"] == [[EVENT, 1]]
    assert len(state["log"]["losses"]) == 0  # the last line was written
    assert state["stopwatch"]["seconds"] > 0


def test_a_checkpoint_at_an_event_holds_the_stage_of_the_next_step(tmp_path):
    training = Training(
        tmp_path / "run", PiecewiseFreezeSchedule([(1, 1)]), every=1, steps=1
    )

    training.fit(1)

    _, state, _ = checkpoints.read_newest(training.run.checkpoints_path)
    assert state["frozen_layers"] == 1


def test_a_checkpoint_gives_the_model_back_bit_for_bit(trained, tmp_path):
    checkpoint, state, _ = checkpoints.read_newest(trained.run.checkpoints_path)
    other = Training(tmp_path / "other", NeverFreezeSchedule())
    other.model.optimizer.build(other.model.trainable_variables)

    other.lock.scheduler.freeze(state["frozen_layers"])
    checkpoints.load_weights(checkpoint, other.model)

    for model in (trained.model, other.model):
        assert int(model.batches_seen.numpy()) == 5
    expected = [*trained.model.variables, *trained.model.optimizer.variables]
    found = [*other.model.variables, *other.model.optimizer.variables]
    for variable, loaded in zip(expected, found, strict=True):
        assert np.array_equal(variable.numpy(), loaded.numpy()), variable.path


def test_the_encoder_is_saved_alone(trained):
    encoder = VideoEncoder.from_preset(str(trained.run.encoder_path))

    expected = trained.model.encoder.variables
    for variable, loaded in zip(expected, encoder.variables, strict=True):
        assert np.array_equal(variable.numpy(), loaded.numpy()), variable.path


def test_the_reconstruction_is_the_last_one_of_the_pixels(trained):
    arrays = pictures.load(trained.run, pictures.RECONSTRUCTION)

    assert arrays["step"] == 2
    assert arrays["clips"].shape == (2, *freezing.CLIP_SHAPE, 3)


def test_the_features_are_those_of_the_last_step(trained):
    arrays = pictures.load(trained.run, pictures.FEATURES)

    assert arrays["step"] == 5
    assert arrays["features"].shape == (2, 2, 2, 2, freezing.WIDTH)


def test_the_features_are_those_of_the_last_layer_that_does_not_decode(trained):
    arrays = pictures.load(trained.run, pictures.FEATURES)

    features = trained.model.encoder.features(
        freezing.clips(1)[:2], layers=("block_3",)
    )["block_3"]
    assert str(arrays["layer"]) == "block_3"
    np.testing.assert_allclose(
        arrays["features"],
        keras.ops.convert_to_numpy(features),
        rtol=1e-3,
        atol=1e-4,
    )


def test_the_pictured_clips_stay_the_same(trained):
    arrays = pictures.load(trained.run, pictures.FEATURES)

    np.testing.assert_array_equal(arrays["clips"], freezing.clips(1)[:2])


def test_a_stage_without_pixels_has_features_and_no_reconstruction(saved):
    run = saved(frozen_layers=2).run

    assert pictures.load(run, pictures.FEATURES) is not None
    assert pictures.load(run, pictures.RECONSTRUCTION) is None


def test_a_checkpoint_can_be_saved_before_the_first_step(saved):
    run = saved().run

    assert names(run) == ["step_00000000"]


@pytest.mark.parametrize(
    ("step", "following"), [(0, 4), (3, 4), (4, 8), (8, 10)]
)
def test_the_next_checkpoint_is_planned(saved, step, following):
    assert saved(step=step).snapshots.next_step == following


def test_a_run_goes_on_over_epochs_to_its_last_step(tmp_path):
    training = Training(
        tmp_path / "run", NeverFreezeSchedule(), steps=5, every=3
    )

    training.fit(2, epochs=4)

    assert int(training.model.optimizer.iterations) == 5
    assert names(training.run) == ["step_00000005", "step_00000003"]
