"""How well features predict how a clip goes on."""

import keras
import numpy as np
import pytest

from layerlock.core.monitoring import held_out, ridge
from layerlock.core.monitoring.held_out import HeldOutPrediction, Rows
from layerlock.core.normalization import normalize
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

CLIPS = freezing.clips(3, seed=5)


def fit(callback, num_batches=2, **arguments):
    model = freezing.build_model(**arguments)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(
        freezing.clips(num_batches),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )
    return model


def test_features_of_the_first_half_predict_the_change_to_the_second():
    callback = HeldOutPrediction(every=2, clips=CLIPS, layer=2)
    model = fit(callback)
    encoder = model.encoder
    frames, rows, columns = encoder.grid()
    places, end = rows * columns, frames // 2 * rows * columns
    patches = np.asarray(
        keras.ops.convert_to_numpy(encoder.patchify(CLIPS)), "float64"
    )
    positions = encoder.token_positions(encoder.grid())[None, :end]
    tokens = encoder.embed(patches[:, :end].astype("float32"), positions)
    tokens = normalize(encoder(tokens, positions, last_layer=2))
    x = keras.ops.convert_to_numpy(tokens)[:, -places:]
    y = patches[:, end : end + places] - patches[:, end - places : end]
    groups = np.repeat(np.arange(len(CLIPS)), places)

    expected = ridge.explained_variance(
        x.reshape(len(groups), -1), y.reshape(len(groups), -1), groups
    )

    found = callback.pop_metrics()
    assert found["held_out_prediction"] == pytest.approx(expected, abs=2e-3)
    assert found["held_out_seconds"] > 0
    assert callback.pop_metrics() == {}


@thorough_on("tensorflow")
def test_what_comes_after_the_first_half_is_not_seen():
    frames = CLIPS.shape[1]
    other = CLIPS.copy()
    other[:, frames // 2 :] = 255 - other[:, frames // 2 :]
    seen = []
    for clips in (CLIPS, other):
        callback = HeldOutPrediction(every=2, clips=clips, layer=2)
        fit(callback)
        features = callback._features(keras.ops.convert_to_tensor(clips))
        seen.append(keras.ops.convert_to_numpy(features))

    assert seen[0] == pytest.approx(seen[1], abs=1e-6)


def test_clips_of_one_moment_are_not_measured():
    assert not Rows((1, 4, 4), 8).are_predictable
    assert not Rows((4, 4, 4), 1).are_predictable


def test_rows_are_limited():
    rows = Rows((2, 14, 14), 64)
    tokens = np.zeros((64, 196, 3))

    assert rows.sampled(tokens).shape == (held_out.MAX_ROWS, 3)
    assert set(rows.groups) == set(range(64))
