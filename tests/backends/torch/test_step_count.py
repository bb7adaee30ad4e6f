"""An optimizer that counts in Python trains as Keras's does."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch's steps are eager", allow_module_level=True)

import torch

from layerlock.backends.torch import step_count

SHAPES = [(3, 4), (4,)]


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that notes when it is computed."""

    def __init__(self):
        self.calls = 0

    def __call__(self, step):
        self.calls += 1
        return 0.1 / (1.0 + keras.ops.cast(step, "float32"))

    def get_config(self):
        return {}


def build(rate, **options):
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape)) for shape in SHAPES]
    optimizer = keras.optimizers.AdamW(rate, **options)
    optimizer.build(variables)
    return optimizer, variables


def train(optimizer, variables, steps):
    rng = np.random.default_rng(1)
    for _ in range(steps):
        gradients = [
            torch.tensor(rng.normal(size=shape), dtype=torch.float32)
            for shape in SHAPES
        ]
        with torch.no_grad():
            optimizer.apply(gradients, variables)


def values(optimizer, variables):
    return [v.numpy() for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_accumulation_steps": 3, "global_clipnorm": 0.5},
        {"gradient_accumulation_steps": 2, "use_ema": True},
    ],
    ids=["plain", "accumulating", "averaged"],
)
def test_it_trains_as_keras_does(options):
    ours, theirs = build(Rate(), **options), build(Rate(), **options)
    step_count.attach(ours[0])

    for optimizer, variables in (ours, theirs):
        train(optimizer, variables, 4)
        optimizer._iterations.assign(1)  # as a checkpoint does
        train(optimizer, variables, 5)

    for found, expected in zip(values(*ours), values(*theirs), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_rate_is_computed_once_per_step():
    rate = Rate()
    optimizer, variables = build(rate)
    step_count.attach(optimizer)

    train(optimizer, variables, 3)

    assert rate.calls == 3
    assert float(optimizer.learning_rate) == pytest.approx(0.1 / 4)
    optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(0.5, 100)
    assert float(optimizer.learning_rate) > 0.4


class OfNumbers(Rate):
    """A rate that does not need a tensor."""

    takes_numbers = True

    def __call__(self, step):
        self.calls += 1
        assert isinstance(step, int)
        return np.float32(0.1 / (1.0 + step))


def test_a_rate_of_numbers_follows_a_step_that_is_loaded():
    (ours, weights), (theirs, others) = build(OfNumbers()), build(Rate())
    step_count.attach(ours)

    for optimizer, variables in ((ours, weights), (theirs, others)):
        train(optimizer, variables, 4)
        optimizer._iterations.assign(1)
        train(optimizer, variables, 3)

    for found, expected in zip(
        values(ours, weights), values(theirs, others), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert ours.learning_rate.dtype == torch.float32
    assert float(ours.learning_rate) == pytest.approx(0.1 / 5)


def test_a_step_without_a_scope_is_not_counted_in_place():
    optimizer, variables = build(Rate())
    step_count.attach(optimizer)
    gradients = [torch.ones(shape) for shape in SHAPES]

    _, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables],
        gradients,
        [v.value for v in variables],
    )

    assert int(optimizer.iterations) == 0
    assert int(state[0]) == 1


def test_a_step_that_is_loaded_is_not_taken_for_a_batch():
    optimizer, variables = build(OfNumbers())
    step_count.attach(optimizer)
    train(optimizer, variables, 2)
    assert float(optimizer.learning_rate) == pytest.approx(0.1 / 3)

    optimizer._iterations.assign(9)  # one change since the rate was read

    assert float(optimizer.learning_rate) == pytest.approx(0.1 / 10)
    train(optimizer, variables, 1)
    assert float(optimizer.learning_rate) == pytest.approx(0.1 / 11)


def test_the_count_is_read_in_python_between_batches(monkeypatch):
    optimizer, variables = build(OfNumbers())
    step_count.attach(optimizer)
    train(optimizer, variables, 1)
    read = []
    monkeypatch.setattr(
        torch.Tensor, "__int__", lambda self: read.append(1) or 0
    )

    train(optimizer, variables, 3)

    assert optimizer.step_count.read() == 4
    assert read == []
