"""How much layers change, and what sharing them changes."""

import json

import keras
import numpy as np
import pytest

from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.monitoring.drift import LayerDrift, sampled_rows
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

PROBE = freezing.clips(2, seed=5)


def build(**arguments):
    model = freezing.build_model(**arguments)
    model.compile(keras.optimizers.SGD(0.1))
    return model


def fit(model, num_batches, *callbacks):
    model.fit(
        freezing.clips(num_batches),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def cka(x, y):
    """By the definition, from features: rows of one, rows of the other."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    cross = np.linalg.norm(x.T @ y) ** 2
    return cross / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def features(model):
    encoder = model.encoder
    found = encoder.features(PROBE, layers=encoder.layer_names[1:])
    return [
        np.asarray(keras.ops.convert_to_numpy(x), "float64").reshape(
            -1, encoder.hidden_dim
        )
        for x in found.values()
    ]


@thorough_on("tensorflow")
def test_it_is_the_alignment_with_the_time_before():
    model, drift = build(), LayerDrift(every=2, clips=PROBE)
    fit(model, 2, drift)
    before, first = features(model), drift.cka

    fit(model, 2, drift)

    expected = list(map(cka, features(model), before))
    assert first is None
    assert drift.step == 4
    assert drift.cka == pytest.approx(expected, rel=1e-4)
    assert drift.drifts == pytest.approx([1 - x for x in expected], abs=1e-4)
    assert max(drift.drifts) > 1e-3


@thorough_on("tensorflow")
def test_frozen_layers_do_not_drift():
    model, drift = build(), LayerDrift(every=2, clips=PROBE)
    lock = LayerLock(PiecewiseFreezeSchedule([(2, 2)]))

    fit(model, 4, drift, lock)

    assert drift.cka[:2] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert min(drift.drifts[2:]) > 1e-5


@thorough_on("tensorflow")
def test_news_are_taken_once_and_tell_what_they_cost():
    model, drift = build(), LayerDrift(every=2, clips=PROBE)
    fit(model, 4, drift)

    news = drift.pop_metrics()

    assert news["cka"] == drift.cka
    assert news["monitor_seconds"] > 0
    assert drift.pop_metrics() == {}


@thorough_on("jax", "tensorflow")
def test_the_jump_of_a_teacher_is_told_before_it_happens():
    model = build(objective=VJEPA(momentum=0.9, steps=10))
    drift = LayerDrift(every=100, clips=PROBE)
    fit(model, 2, drift)
    student = features(model)[1]
    names = model.encoder.layer_names
    teacher = model.teacher.features(PROBE, layers=[names[2]])[names[2]]
    teacher = np.asarray(keras.ops.convert_to_numpy(teacher))
    teacher = teacher.reshape(student.shape)
    lock = LayerLock(
        PiecewiseFreezeSchedule([(2, 2)]), before_freeze=drift.before_freeze
    )

    fit(model, 1, drift, lock)

    distance = np.linalg.norm(student - teacher, axis=-1).mean()
    expected = distance / np.linalg.norm(teacher, axis=-1).mean()
    assert drift.pop_metrics()["teacher_jump"] == pytest.approx(
        expected, rel=1e-4
    )
    assert expected > 1e-3


def test_without_a_teacher_there_is_no_jump():
    model, drift = build(), LayerDrift(every=100, clips=PROBE)

    drift.before_freeze(model, 1)

    assert drift.pop_metrics() == {}


@thorough_on("tensorflow")
def test_it_goes_on_where_another_stopped():
    model, whole = build(), LayerDrift(every=2, clips=PROBE)
    first, second = (LayerDrift(every=2, clips=PROBE) for _ in range(2))
    fit(model, 2, whole, first)
    second.set_state(json.loads(json.dumps(first.get_state())))
    second.set_arrays(first.get_arrays())

    fit(model, 2, whole, second)

    assert second.cka == whole.cka
    assert second.step == whole.step == 4


@pytest.mark.parametrize("grid", [(4, 4, 4), (8, 14, 14), (32, 16, 16)])
def test_the_compared_tokens_are_of_all_clips_and_places(grid):
    """Every n-th token of these grids lies in one column."""
    frames, rows, columns = grid
    chosen = sampled_rows(16 * frames * rows * columns)

    places = np.unravel_index(chosen, (16, *grid))
    assert len(set(chosen)) == 256
    for place, size in zip(places, (16, *grid), strict=True):
        share = np.bincount(place, minlength=size) * size / 256
        assert 0.4 < share.min() and share.max() < 1.7


@thorough_on("jax", "tensorflow")
def test_grams_of_other_tokens_are_not_compared():
    """Old checkpoints have them."""
    model, drift = build(), LayerDrift(every=2, clips=PROBE)
    drift.set_arrays({"grams": np.ones((4, 8, 8), "float32")})

    fit(model, 2, drift)

    assert drift.cka is None
