"""The lines of metrics.jsonl, written while a model trains."""

import json
import threading

import keras
import numpy as np
import pytest

from layerlock.core.freezing.schedules import (
    NeverFreezeSchedule,
    PiecewiseFreezeSchedule,
)
from layerlock.core.monitoring import health
from layerlock.runs import checkpoints
from layerlock.runs.callbacks.stopwatch import Lap
from tests.core.freezing import dropped_gradients as freezing
from tests.runs.training import Training

KEYS = (
    "step loss frozen_layers target_layer learning_rate clips_per_second "
    "input_wait seconds flops flops_unfrozen peak_memory_bytes "
    "compiled_step_flops stall_seconds feature_std feature_std_min "
    "raw_feature_std target_std prediction_cosine clip_cosine effective_rank "
    "grad_norm weight_norms weight_norm_rates verdict verdict_reason"
).split()
EVENT = 4


class Losses(keras.callbacks.Callback):
    """Keeps the loss of every batch."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["batch_loss"]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Seven steps with a line every other one and a freeze after four."""
    training = Training(
        tmp_path_factory.mktemp("log") / "run",
        PiecewiseFreezeSchedule([(EVENT, 1)]),
        steps=7,
        every=100,
        validate=lambda: 0.5,
        validate_every=4,
    )
    losses = Losses()
    training.fit(8, [losses])
    training.losses = losses.losses
    training.lines = training.run.read_metrics()
    return training


def column(trained, key):
    return [line[key] for line in trained.lines]


def test_lines_are_written_at_their_steps_and_at_the_last(trained):
    assert column(trained, "step") == [2, 4, 6, 7]


def test_a_line_has_every_key(trained):
    for line in trained.lines:
        assert [key for key in line if key != "validation_loss"] == KEYS


def test_the_loss_is_the_mean_since_the_last_line(trained):
    steps = [0, *column(trained, "step")]

    expected = [
        np.mean(trained.losses[begin:end])
        for begin, end in zip(steps, steps[1:], strict=False)
    ]

    assert column(trained, "loss") == pytest.approx(expected, rel=1e-6)


class Waits(keras.callbacks.Callback):
    """Lets ranks be computed from a batch on; keeps the lines of each batch."""

    def __init__(self, training, monkeypatch, batch):
        super().__init__()
        self.training, self.batch = training, batch
        self.may_compute = threading.Event()
        self.lines = []
        exact = health.effective_rank

        def slow(moments):
            assert self.may_compute.wait(60)
            return exact(moments)

        monkeypatch.setattr(health, "effective_rank", slow)

    def on_train_batch_end(self, batch, logs=None):
        if batch >= self.batch:
            self.may_compute.set()
        metrics = self.training.run.read_metrics()
        self.lines.append([line["step"] for line in metrics])


def test_training_goes_on_while_the_numbers_of_a_line_are_computed(
    tmp_path, monkeypatch
):
    training = Training(
        tmp_path / "run", NeverFreezeSchedule(), steps=6, every=100, log_every=3
    )
    waits = Waits(training, monkeypatch, batch=3)

    training.fit(6, [waits])

    assert waits.lines[2:4] == [[], []]  # of batches 3 and 4
    lines = training.run.read_metrics()
    assert [line["step"] for line in lines] == [3, 6]
    assert all(line["effective_rank"] > 1 for line in lines)
    assert [line["verdict"] for line in lines] == ["healthy"] * 2


def test_a_checkpoint_comes_after_the_lines_until_its_step(
    tmp_path, monkeypatch
):
    training = Training(
        tmp_path / "run", NeverFreezeSchedule(), steps=6, every=2, log_every=2
    )
    lines = []
    complete = checkpoints.complete

    def look(draft, step, *rest):
        lines.append((step, training.run.read_metrics()[-1]["step"]))
        return complete(draft, step, *rest)

    monkeypatch.setattr(checkpoints, "complete", look)

    training.fit(6)

    assert lines == [(2, 2), (4, 4), (6, 6)]


def test_an_error_of_the_computation_ends_the_run(tmp_path, monkeypatch):
    training = Training(tmp_path / "run", NeverFreezeSchedule(), log_every=1)

    def fail(moments):
        raise np.linalg.LinAlgError("did not converge")

    monkeypatch.setattr(health, "effective_rank", fail)

    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        training.fit(6)


def test_without_a_target_layer_a_line_has_an_empty_list(tmp_path):
    schedule = NeverFreezeSchedule()
    training = Training(
        tmp_path / "run", schedule, steps=2, every=100, objective="lejepa"
    )

    training.fit(2)

    [line] = training.run.read_metrics()
    assert line["target_layer"] == []
    assert line["flops"] == line["flops_unfrozen"] > 0


def test_a_line_tells_the_stage_that_its_steps_were_trained_at(trained):
    assert column(trained, "frozen_layers") == [0, 0, 1, 1]
    assert column(trained, "target_layer") == [None, None, 1, 1]


def test_the_flops_follow_the_events(trained):
    sizes = trained.sizes
    pixels, latents = sizes.step_flops(0, (0,)), sizes.step_flops(1, (1,))

    assert column(trained, "flops") == [
        2 * pixels,
        4 * pixels,
        4 * pixels + 2 * latents,
        4 * pixels + 3 * latents,
    ]


def test_the_unfrozen_flops_do_not(trained):
    pixels = trained.sizes.step_flops(0, (0,))

    assert column(trained, "flops_unfrozen") == [
        step * pixels for step in column(trained, "step")
    ]


def test_the_clock_only_goes_forward(trained):
    seconds = column(trained, "seconds")

    assert seconds[0] > 0
    assert seconds == sorted(seconds)


def test_the_health_of_the_features_is_told(trained):
    for line in trained.lines:
        assert 0 < line["feature_std"] < 2
        assert 1 <= line["effective_rank"] <= freezing.WIDTH
        assert 0 < line["target_std"] < 2
        assert line["grad_norm"] > 0


def test_the_learning_rate_is_that_of_the_optimizer(trained):
    assert column(trained, "learning_rate") == pytest.approx([1e-2] * 4)


def test_the_held_out_loss_is_told_when_it_is_due_and_at_the_end(trained):
    held_out = {
        line["step"]: line["validation_loss"]
        for line in trained.lines
        if "validation_loss" in line
    }

    assert held_out == {4: 0.5, 7: 0.5}


def test_the_progress_is_told(trained):
    progress = trained.progress

    assert progress.started == (7, 0)
    assert progress.step == 7
    assert [facts[0] for facts in progress.updates] == [2, 4, 6, 7]
    assert [facts[2:4] for facts in progress.updates] == [
        (0, None),
        (0, None),
        (1, 1),
        (1, 1),
    ]


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="TensorFlow does not tell the memory of a step on a CPU",
)
def test_the_memory_is_that_of_the_stage(trained):
    before, _, after, last = column(trained, "peak_memory_bytes")

    assert before > 0
    assert after == last != before


class Batches:
    """Drives a `MetricsLog` by hand, with losses of one's own."""

    def __init__(self, path, optimizer=None):
        training = Training(path, NeverFreezeSchedule(), steps=100, log_every=3)
        if optimizer:
            training.model.compile(optimizer)
        self.run, self.log = training.run, training.log
        self.stopwatch = training.stopwatch
        self.model = training.model
        self.log.set_model(self.model)
        self.batch = -1

    def begin(self):
        self.stopwatch.on_train_begin()
        self.log.on_train_begin()
        self.log.on_epoch_begin(0)
        return self

    def train(self, *losses):
        for loss in losses:
            self.batch += 1
            self.model.optimizer._iterations.assign_add(1)
            self.log.on_train_batch_end(
                self.batch,
                {"batch_loss": loss, "grad_norm": 1.0, "learning_rate": 1e-2},
            )
        return self

    @property
    def lines(self):
        return self.run.read_metrics()


@pytest.fixture
def batches(tmp_path):
    return Batches(tmp_path / "run")


def test_a_collapse_to_nan_is_still_a_line(batches):
    batches.begin().train(*[float("nan")] * 3)

    (line,) = batches.lines
    assert np.isnan(line["loss"])


def test_the_state_is_plain_json(batches):
    batches.begin().train(1.0, 1.0, 1.0, 2.0)

    state = batches.log.get_state()

    assert json.loads(json.dumps(state)) == state == {"losses": [2.0]}


def test_a_log_goes_on_where_another_stopped(tmp_path, batches):
    batches.begin().train(2.0, 2.0, 2.0, 2.0)
    state = batches.log.get_state()
    resumed = Batches(tmp_path / "other")
    resumed.model.optimizer.build(resumed.model.trainable_variables)
    resumed.model.optimizer.iterations.assign(4)

    resumed.log.set_state(state)
    resumed.begin().train(5.0, 5.0)

    (line,) = resumed.lines
    assert line["step"] == 6
    assert line["loss"] == pytest.approx((2.0 + 5.0 + 5.0) / 3)


def test_a_state_is_not_changed_by_what_follows(batches):
    batches.begin().train(1.0)
    state = {"losses": [1.0]}

    batches.log.set_state(state)
    batches.train(1.0)

    assert state == {"losses": [1.0]}


def test_lines_go_on_over_epochs(batches):
    batches.begin().train(1, 1, 1)
    batches.batch = -1
    batches.log.on_epoch_begin(1)
    batches.train(1, 1, 1)

    assert [line["step"] for line in batches.lines] == [3, 6]


def test_under_accumulation_a_step_costs_all_its_batches(tmp_path):
    batches = Batches(
        tmp_path / "run",
        keras.optimizers.SGD(1e-2, gradient_accumulation_steps=2),
    )
    batches.log.every = 1

    batches.begin().train(1, 1, 1, 1)

    one = batches.log.sizes.step_flops()
    assert [(line["step"], line["flops"]) for line in batches.lines] == [
        (1, 2 * one),
        (2, 4 * one),
    ]


def test_no_line_is_lost_when_the_last_steps_do_not_fill_one(batches):
    batches.log.steps = batches.log.last_step = 4

    batches.begin().train(1, 1, 1, 1)

    assert [line["step"] for line in batches.lines] == [3, 4]


class Laps:
    """Stands in for a `Stopwatch` whose laps are known."""

    seconds = 0.0

    def __init__(self, *shares):
        self.shares = list(shares)

    def take_lap(self):
        return Lap(1.0, 0.0, self.shares.pop(0))


def said(batches, *shares):
    batches.begin()
    batches.log.waiting_hint = "Use more workers."
    batches.log.stopwatch = Laps(*shares)
    batches.train(*[1.0] * 3 * len(shares))
    return [x for x in batches.log.progress.messages if "waiting" in x]


def test_much_waiting_is_said_once(batches):
    assert said(batches, 0.1, 0.43, 0.5) == [
        "43% of the time goes by waiting for clips. Use more workers."
    ]
    assert [line["input_wait"] for line in batches.lines] == [0.1, 0.43, 0.5]


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.1, 0.19), (None, None)])
def test_little_waiting_or_that_of_a_start_is_not_said(batches, shares):
    assert said(batches, *shares) == []
