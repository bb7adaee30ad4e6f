"""What benchmarks time against each other trains by turns."""

import keras
import numpy as np
import pytest


@pytest.fixture
def side_by_side(benchmarks):
    """The module."""
    import side_by_side

    return side_by_side


class BatchLoss(keras.Model):
    """A model whose logs name the loss of the batch, like ours."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, *arguments, **keywords):
        logs = super().train_step(*arguments, **keywords)
        if isinstance(logs, tuple):  # JAX
            return {**logs[0], "batch_loss": logs[0]["loss"]}, logs[1]
        return {**logs, "batch_loss": logs["loss"]}


class Diary(keras.callbacks.Callback):
    def __init__(self, name, entries):
        super().__init__()
        self.name, self.entries = name, entries

    def on_train_batch_end(self, batch, logs=None):
        self.entries.append(self.name)


def fit(num_steps, *callbacks):
    model = BatchLoss()
    model.compile("sgd", "mse")
    batch = np.ones((2, 3)), np.ones((2, 1))

    def endless():
        while True:
            yield batch

    model.fit(
        endless(),
        steps_per_epoch=num_steps,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


def test_two_fits_train_by_turns(side_by_side):
    entries = []
    guest = side_by_side.Guest(
        lambda num_steps, callback: fit(
            num_steps, Diary("guest", entries), callback
        )
    )
    rounds = side_by_side.Rounds(
        guest.train_steps, steps=2, rounds=2, first_batch=1
    )
    with guest:
        fit(rounds.num_batches, Diary("host", entries), rounds)
    assert entries == ["host", *["host", "guest"] * 6]
    assert len(rounds.times) == 2
    assert set(rounds.found()) >= {"ratio", "low", "high"}


def test_a_turn_can_be_several_steps(side_by_side):
    asked = []
    rounds = side_by_side.Rounds(
        asked.append, steps=4, rounds=2, first_batch=1, turn=2
    )
    fit(rounds.num_batches, rounds)
    assert asked == [2] * 6
    assert len(rounds.times) == 2


def test_what_goes_wrong_in_the_other_fit_is_raised(side_by_side):
    def fail(num_steps, callback):
        raise ValueError("no clips")

    guest = side_by_side.Guest(fail)
    with guest, pytest.raises(ValueError, match="no clips"):
        guest.train_steps(1)


def test_ratio_is_the_median_of_the_rounds(side_by_side):
    found = side_by_side.ratio([(1.0, 1.0), (3.0, 2.0), (8.0, 4.0)])
    assert found == {"ratio": 1.5, "low": 1.0, "high": 2.0}
