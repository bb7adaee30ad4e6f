"""The step is known without reading it from the device at every batch."""

import keras
import pytest

from layerlock.core.freezing.step_counter import StepCounter


class Watched(keras.optimizers.SGD):
    """Counts how often its step is asked for."""

    reads = 0

    @property
    def iterations(self):
        self.reads += 1
        return super().iterations


def compiled(accumulation=None, loss_scale=False):
    """A model of one weight, and its optimizer that counts its reads."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    watched = Watched(0.1, gradient_accumulation_steps=accumulation)
    optimizer = (
        keras.optimizers.LossScaleOptimizer(watched, initial_scale=1.0)
        if loss_scale
        else watched
    )
    model.compile(optimizer=optimizer, loss="mse")
    optimizer.build(model.trainable_variables)
    return model, watched


def train(model, finite=True):
    """What one batch does to the optimizer's counter."""
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if finite:
        optimizer._iterations.assign_add(1)


def test_a_plain_optimizer_is_read_only_once():
    model, optimizer = compiled()
    counter = StepCounter(model)

    reached = []
    for _ in range(5):
        train(model)
        counter.count()
        reached.append(counter.has_reached(3))

    assert reached == [False, False, True, True, True]
    assert counter.step == 5
    assert optimizer.reads == 1


def test_it_starts_from_the_step_of_the_optimizer():
    model, _ = compiled()
    for _ in range(4):
        train(model)

    assert StepCounter(model).step == 4


def test_several_batches_can_be_counted_at_once():
    model, _ = compiled()
    counter = StepCounter(model)

    counter.count(3)

    assert counter.step == 3


def test_under_accumulation_steps_are_updates():
    model, _ = compiled(accumulation=3)
    counter = StepCounter(model)

    reached = []
    for _ in range(7):
        train(model)
        counter.count()
        reached.append(counter.has_reached(2))

    assert reached == [False] * 5 + [True] * 2
    assert counter.step == 2


@pytest.mark.parametrize("begun", [1, 2])
def test_a_begun_accumulation_is_not_missed(begun):
    model, _ = compiled(accumulation=3)
    for _ in range(begun):
        train(model)
    counter = StepCounter(model)

    batches = 0
    while not counter.has_reached(2):
        train(model)
        counter.count()
        batches += 1

    assert batches + begun == 6


def test_accumulation_reads_only_near_the_step_that_is_awaited():
    model, optimizer = compiled(accumulation=4)
    counter = StepCounter(model)

    reads = []
    for _ in range(40):
        train(model)
        counter.count()
        assert not counter.has_reached(11)
        reads.append(optimizer.reads - 1)

    assert reads[35] == 0
    assert reads[-1] <= 4


def test_skipped_overflows_are_no_steps():
    model, _ = compiled(loss_scale=True)
    counter = StepCounter(model)

    reached = []
    for finite in (True, False, False, True, True):
        train(model, finite)
        counter.count()
        reached.append(counter.has_reached(3))

    assert reached == [False] * 4 + [True]
    assert counter.step == 3


def test_loss_scaling_reads_only_when_the_step_is_possible():
    model, optimizer = compiled(loss_scale=True)
    counter = StepCounter(model)
    for finite in (False, False, *[True] * 6):
        train(model, finite)
        counter.count()
        counter.has_reached(8)

    # Once at the start, and at the eighth batch, which is the sixth step.
    assert optimizer.reads == 2
    assert counter.step == 6


def test_loss_scaling_around_accumulation_counts_whole_updates():
    model, optimizer = compiled(accumulation=2, loss_scale=True)
    counter = StepCounter(model)

    for finite in (True, False, True, True, False, True):
        train(model, finite)
        counter.count()
        expected = int(keras.optimizers.SGD.iterations.fget(optimizer)) >= 2
        assert counter.has_reached(2) == expected

    assert counter.step == 2


def test_a_step_that_is_behind_needs_no_reading():
    model, optimizer = compiled(loss_scale=True)
    for _ in range(5):
        train(model)
    counter = StepCounter(model)

    train(model)
    counter.count()

    assert counter.has_reached(5)
    assert optimizer.reads == 1
