"""What the monitors measure while a model trains."""

import json
import time

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.monitoring import health
from layerlock.core.monitoring.monitors import Monitors
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)
from layerlock.core.pretraining.tokens import take_tokens
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on


class Keep(keras.callbacks.Callback):
    """Keeps the measurements, and the weights they were made on."""

    def __init__(self, monitors):
        super().__init__()
        self.monitors = monitors
        self.lines, self.norms = [], []

    def on_train_batch_end(self, batch, logs=None):
        backends.sync_state(self.model)
        self.lines.append((self.monitors.step, self.monitors.values))
        self.norms.append(norms(self.model.encoder))


def norms(encoder):
    return [
        np.sqrt(
            sum(
                np.sum(np.square(v.numpy(), dtype="float64"))
                for layer in unit
                for v in layer.variables
            )
        )
        for unit in encoder.freezable_layers
    ]


def fit(model, num_batches, callbacks):
    model.fit(
        freezing.clips(num_batches),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


def build(**arguments):
    model = freezing.build_model(**arguments)
    model.compile(keras.optimizers.SGD(0.1))
    return model


@pytest.fixture(scope="module")
def watched():
    """Seven steps, measured every other one and at the last; a freeze at 3."""
    model, said = build(), []
    monitors = Monitors(every=2, last_step=7, print_fn=said.append)
    keep = Keep(monitors)
    schedule = PiecewiseFreezeSchedule([(3, 1)])
    fit(model, 7, [monitors, keep, LayerLock(schedule)])
    keep.said = said
    return keep


@thorough_on("tensorflow")
def test_it_measures_when_it_should(watched):
    assert [step for step, _ in watched.lines] == [None, 2, 2, 4, 4, 6, 7]


def test_every_number_is_there(watched):
    assert set(watched.lines[-1][1]) == {
        *health.MEASURED,
        "effective_rank",
        "grad_norm",
        "weight_norms",
        "weight_norm_rates",
        "verdict",
        "verdict_reason",
    }


def test_the_norms_are_those_of_the_blocks_and_their_embedding(watched):
    _, values = watched.lines[5]

    assert values["weight_norms"] == pytest.approx(watched.norms[5], rel=1e-5)


def test_the_rates_are_relative_changes_per_step(watched):
    before, now = watched.norms[3], watched.norms[5]

    expected = np.abs(np.subtract(now, before)) / before / 2

    rates = watched.lines[5][1]["weight_norm_rates"]
    assert rates == pytest.approx(expected, rel=2e-2, abs=1e-6)
    assert rates[0] == 0.0  # frozen
    assert watched.lines[1][1]["weight_norm_rates"] is None


def test_the_measurements_of_a_step_are_those_of_its_own_tensors():
    model = build()
    clips = freezing.clips(1)
    grid = model.encoder.grid()
    patches = model.encoder.patchify(clips)
    visible, hidden = model.draw_masks(len(clips), grid)[0]
    features = model.encode_visible(patches, visible, grid)
    (predictions,) = model.predict_hidden(features, visible, hidden, grid)
    pixels = take_tokens(patches, hidden)
    targets = model.objective.compute_targets(pixels, layer=0)
    expected = ops.convert_to_numpy(
        health.measure(features, predictions, targets)
    )

    model.train_on_batch(clips)

    backends.sync_state(model)
    measured = ops.convert_to_numpy(model.health.value)
    np.testing.assert_allclose(measured, expected, rtol=1e-4, atol=1e-5)


def collapse(on_collapse):
    """A model whose latent target runs to its prediction, and no pixels."""
    model = freezing.build_model(
        objective=MaskedAutoencodingWithLatents(
            weight=1e4, target_gradient=True
        )
    )
    model.compile(keras.optimizers.Adam(1e-2))
    said = []
    monitors = Monitors(every=5, on_collapse=on_collapse, print_fn=said.append)
    fit(model, 300, [monitors])
    return model, monitors, said


@thorough_on("tensorflow")
def test_a_collapse_is_told_and_can_end_the_run():
    model, monitors, said = collapse("stop")

    assert monitors.values["verdict"] == "collapsed"
    assert monitors.values["feature_std"] < 0.12
    assert any("collapsed" in sentence for sentence in said)
    assert int(model.optimizer.iterations) < 300


def test_every_process_stops_where_one_sees_a_collapse(monkeypatch):
    """Machines that differ round differently, near the threshold."""
    asked = []
    monkeypatch.setattr(
        backends, "agree", lambda flag: asked.append(flag) or True
    )
    model = build()

    fit(model, 4, [Monitors(every=2, on_collapse="stop", print_fn=print)])

    assert asked == [False]
    assert int(model.optimizer.iterations) == 2


def test_its_values_wait_for_the_thread(monkeypatch):
    exact = health.effective_rank

    def slow(moments):
        time.sleep(0.2)
        return exact(moments)

    monkeypatch.setattr(health, "effective_rank", slow)
    model, monitors = build(), Monitors(every=1)
    monitors.set_model(model)
    monitors.on_train_begin()
    logs = model.train_on_batch(freezing.clips(1), return_dict=True)

    monitors.on_step(1, logs)

    assert monitors.is_computing
    assert monitors.newest["effective_rank"] is None
    moments = ops.convert_to_numpy(model.feature_moments.value)
    assert monitors.values["effective_rank"] == exact(moments)
    assert not monitors.is_computing


def test_its_state_is_plain_json_and_goes_on():
    model = build()
    first = Monitors(every=2)
    fit(model, 4, [first])
    state = json.loads(json.dumps(first.get_state()))

    second = Monitors(every=2)
    second.set_state(state)
    fit(model, 2, [second])

    assert (first.step, second.step) == (4, 6)
    assert second.values["weight_norm_rates"] is not None
    assert len(second.judge.first) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"every": 0}, "every=0"),
        ({"every": 1, "on_collapse": "cry"}, "on_collapse='cry'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        Monitors(**arguments)
