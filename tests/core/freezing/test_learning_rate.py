"""Tests of the learning rate schedules."""

import math

import keras
import numpy as np
import pytest

from layerlock.core.freezing.learning_rate import (
    MiniWarmup,
    PerUpdate,
    WarmupCosine,
)
from layerlock.core.freezing.schedules import (
    ConvergedFreezeSchedule,
    LinearFreezeSchedule,
)
from tests.compiled import parametrize_compiler


def reference_rate(step, peak, steps, warmup_steps, final_fraction):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = min((step - warmup_steps) / (steps - warmup_steps), 1)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (final_fraction + (1 - final_fraction) * cosine)


@parametrize_compiler
@pytest.mark.parametrize("warmup_steps, final_fraction", [(0, 0), (30, 0.1)])
def test_the_rate_follows_the_formula(run, warmup_steps, final_fraction):
    arguments = (1e-3, 200, warmup_steps, final_fraction)
    rate = WarmupCosine(*arguments)

    for step in (0, 1, 28, 29, 30, 31, 115, 199, 200, 1000):
        value = run(rate, step)
        assert value.dtype == "float32"
        assert value == pytest.approx(
            reference_rate(step, *arguments), rel=1e-5, abs=1e-10
        )


@pytest.mark.parametrize("final_fraction", [0.0, 0.1])
def test_without_warmup_it_is_the_cosine_decay_of_keras(final_fraction):
    ours = WarmupCosine(1e-3, 200, 0, final_fraction)
    keras_decay = keras.optimizers.schedules.CosineDecay(
        1e-3, 200, alpha=final_fraction
    )

    for step in (0, 1, 99, 100, 199, 200, 1000):
        assert float(ours(step)) == pytest.approx(
            float(keras_decay(step)), rel=1e-5, abs=1e-9
        )


@parametrize_compiler
def test_the_rate_ramps_up_after_every_event(run):
    constant = WarmupCosine(2.0, 1000, final_fraction=1.0)
    rate = MiniWarmup(constant, events=[100, 200, 205], length=10)

    expected = {0: 2, 99: 2, 100: 0.2, 101: 0.4, 108: 1.8, 109: 2, 150: 2}
    expected |= {200: 0.2, 204: 1.0, 205: 0.2, 214: 2, 10**9: 2}

    for step, value in expected.items():
        assert run(rate, step) == pytest.approx(value)


@pytest.mark.parametrize("events, length", [([5], 0), ([], 10)])
def test_no_events_or_a_length_of_0_change_nothing(events, length):
    cosine = WarmupCosine(1.0, 20, 4)
    rate = MiniWarmup(cosine, events, length)

    for step in range(25):
        assert float(rate(step)) == float(cosine(step))


def test_under_accumulation_the_rate_is_that_of_the_update():
    rates = WarmupCosine(1.0, steps=10, warmup_steps=5)
    optimizer = keras.optimizers.SGD(
        PerUpdate(rates, 3), gradient_accumulation_steps=3
    )
    weight = keras.Variable(0.0)
    optimizer.build([weight])

    values = []
    for _ in range(6):
        gradient = keras.ops.convert_to_tensor(1.0)
        optimizer.apply([gradient])
        values.append(float(keras.ops.convert_to_numpy(weight.value)))

    np.testing.assert_allclose(values, [0, 0, -0.2, -0.2, -0.2, -0.6])


def test_a_number_gives_the_rate_of_a_tensor_without_a_tensor():
    rate = PerUpdate(
        MiniWarmup(WarmupCosine(1e-3, 100, 10, 0.1), [20, 40], 5), 2
    )
    foreign = keras.optimizers.schedules.CosineDecay(1e-3, 100)

    assert rate.takes_numbers
    assert not MiniWarmup(foreign, [20], 5).takes_numbers
    for step in range(0, 220, 3):
        tensor = keras.ops.convert_to_tensor(step, dtype="int32")
        assert isinstance(rate(step), np.float32)
        assert float(rate(step)) == pytest.approx(
            float(rate(tensor)), rel=1e-6, abs=1e-11
        )


def test_the_schedules_survive_serialisation_with_their_optimizer():
    rate = PerUpdate(
        MiniWarmup(WarmupCosine(1e-3, 100, 10, 0.1), [20, 40], 5), 2
    )
    optimizer = keras.optimizers.AdamW(rate)

    config = keras.saving.serialize_keras_object(optimizer)
    copy = keras.saving.deserialize_keras_object(config)

    copied = copy.get_config()["learning_rate"]
    assert copied == optimizer.get_config()["learning_rate"]
    copied = keras.saving.deserialize_keras_object(copied)
    for step in range(0, 220, 7):
        assert float(copied(step)) == float(rate(step))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((1e-3, 10, 10), "warmup_steps=10, steps=10"),
        ((1e-3, 10, -1), "warmup_steps=-1"),
        ((0, 10), "peak=0"),
        ((1e-3, 10, 0, 1.5), "final_fraction=1.5"),
    ],
)
def test_rates_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WarmupCosine(*arguments)


def test_a_number_in_place_of_a_schedule_is_refused():
    with pytest.raises(ValueError, match="Received: 0.001.*WarmupCosine"):
        MiniWarmup(1e-3, [10], 5)
    with pytest.raises(ValueError, match="Received: 0.001.*WarmupCosine"):
        PerUpdate(1e-3, 2)


def test_negative_lengths_are_refused():
    rate = WarmupCosine(1e-3, 10)

    with pytest.raises(ValueError, match="length=-1"):
        MiniWarmup(rate, [5], -1)
    with pytest.raises(ValueError, match="accumulation=0"):
        PerUpdate(rate, 0)


def test_the_events_of_a_schedule_ramp_like_their_steps():
    constant = WarmupCosine(1.0, 100, final_fraction=1.0)
    linear = LinearFreezeSchedule(10, 20, max_frozen_layers=2)

    rate = MiniWarmup(constant, linear, length=4)

    assert rate.event_steps == [10, 30]
    assert float(rate(11)) == pytest.approx(0.5)


def test_the_events_of_an_adaptive_schedule_are_read_anew():
    constant = WarmupCosine(1.0, 100, final_fraction=1.0)
    growing = ConvergedFreezeSchedule(window=1, start_step=1)
    rate = MiniWarmup(constant, growing, length=4)
    before = float(rate(50))

    growing.observe(50, [0.0, 1.0])

    assert before == 1.0
    assert float(rate(50)) == pytest.approx(0.25)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="reads a jaxpr")
def test_what_a_run_found_compiles_to_the_program_that_found_it():
    import jax

    def program(events):
        rate = MiniWarmup(WarmupCosine(1.0, 100), events, 5)
        return [
            (str(line.primitive), [str(x.aval) for x in line.outvars])
            for line in jax.make_jaxpr(rate)(0).jaxpr.eqns
        ]

    found = ConvergedFreezeSchedule()
    before = program(found)
    found.set_state({**found.get_state(), "events": [[10, 1], [30, 2]]})

    assert found.to_piecewise().frozen_layers(30) == 2
    assert before == program(found) == program(found.to_piecewise())
