"""The moving average of the encoder, and what freezing makes of it."""

import json

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining import teacher as teachers
from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on
from tests.models import networks

BATCH = freezing.BATCH_SIZE


def build(optimizer=None, **arguments):
    model = freezing.build_model(
        objective=VJEPA(
            **{"momentum": 0.8, "final_momentum": 1.0, "steps": 10, **arguments}
        )
    )
    model.compile(optimizer or keras.optimizers.SGD(0.1))
    return model


def values(model, encoder):
    """Weights of an encoder, by path without its name."""
    backends.sync_state(model)
    return {
        unit.name + "/" + variable.path.split("/")[-1]: np.array(
            variable.numpy(), "float64"
        )
        for unit in keras.tree.flatten(encoder.freezable_layers)
        for variable in unit.variables
    }


def train(model, num_batches, first=0):
    clips = freezing.clips(first + num_batches)
    for batch in range(first, first + num_batches):
        model.train_on_batch(clips[batch * BATCH : (batch + 1) * BATCH])


class Record(keras.callbacks.Callback):
    """Keeps the encoder's weights after every batch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(values(self.model, self.model.encoder))


def fit(model, num_batches, *callbacks):
    model.fit(
        freezing.clips(num_batches),
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def test_it_begins_as_a_copy():
    model = build()

    teacher = values(model, model.teacher)
    for name, value in values(model, model.encoder).items():
        np.testing.assert_array_equal(teacher[name], value)
    assert not model.teacher.trainable_variables


def test_it_is_the_average_of_the_recorded_weights():
    model, record = build(), Record()
    average = values(model, model.encoder)

    fit(model, 6, record)

    for step, weights in enumerate(record.weights):
        momentum = 0.8 + 0.2 * step / 10
        for name, value in weights.items():
            average[name] = momentum * average[name] + (1 - momentum) * value
    for name, value in values(model, model.teacher).items():
        np.testing.assert_allclose(value, average[name], rtol=1e-6, atol=1e-6)


def test_under_accumulation_it_moves_with_every_update_only():
    model = build(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    record = Record()
    average = values(model, model.encoder)

    fit(model, 4, record)

    for step, weights in enumerate(record.weights[1::2]):
        momentum = 0.8 + 0.2 * step / 10
        for name, value in weights.items():
            average[name] = momentum * average[name] + (1 - momentum) * value
    for name, value in values(model, model.teacher).items():
        np.testing.assert_allclose(value, average[name], rtol=1e-6, atol=1e-6)


@thorough_on("tensorflow")
@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_it_moves_by_less_than_the_encoder_can_represent(policy):
    momentum = 0.9981  # 1 in bfloat16
    model = freezing.build_model(
        objective=VJEPA(momentum=momentum, final_momentum=momentum),
        dtype=policy,
    )
    model.compile(keras.optimizers.SGD(0.1))
    record, start = Record(), values(model, model.encoder)
    average = dict(start)

    fit(model, 4, record)

    for weights in record.weights:
        for name, value in weights.items():
            average[name] = momentum * average[name] + (1 - momentum) * value
    moved = {name for name in average if (average[name] != start[name]).any()}
    assert len(moved) > 40
    # XLA may average the weights before they are rounded.
    rounding = 2.0**-9 * 4 * (1 - momentum)
    for name, value in values(model, model.teacher).items():
        np.testing.assert_allclose(
            value - start[name],
            average[name] - start[name],
            rtol=0.01,
            atol=rounding * np.abs(start[name]).max() + 2e-7,
        )
    found, expected = (
        np.concatenate([(end[name] - start[name]).ravel() for name in moved])
        for end in (values(model, model.teacher), average)
    )
    assert np.corrcoef(found, expected)[0, 1] > 0.99


def test_a_teacher_of_low_precision_computes_as_its_encoder_and_shares_blocks():
    model = freezing.build_model(objective=VJEPA(), dtype="bfloat16")
    model.compile(keras.optimizers.SGD(0.1))

    FreezeScheduler(PiecewiseFreezeSchedule([(2, 2)]), model).freeze(2)
    train(model, 2)

    teacher, encoder = model.teacher, model.encoder
    assert teacher.blocks[1] is encoder.blocks[1]
    assert teacher.compute_dtype == encoder.compute_dtype == "bfloat16"
    assert {v.dtype for v in teacher.blocks[2].variables} == {"float32"}


def test_frozen_blocks_are_shared():
    model = build()
    train(model, 2)
    num_variables = len(model.variables)
    scheduler = FreezeScheduler(PiecewiseFreezeSchedule([(2, 2)]), model)

    scheduler.freeze(2)

    student = model.encoder
    assert model.teacher.blocks[:2] == student.blocks[:2]
    assert model.teacher.blocks[2] is not student.blocks[2]
    # Their twins are gone from the model.
    assert len(model.variables) == num_variables - 2 * 12
    assert model.target_layers == (3,)


@thorough_on("jax")
def test_what_is_frozen_stays_equal_bit_for_bit():
    model = build()
    train(model, 2)
    FreezeScheduler(PiecewiseFreezeSchedule([(2, 2)]), model).freeze(2)
    before = values(model, model.teacher)

    train(model, 3, first=2)

    after, student = values(model, model.teacher), values(model, model.encoder)
    for name in before:
        frozen = not name.startswith(("block_3", "block_4"))
        assert np.array_equal(after[name], before[name]) == frozen, name
        assert np.array_equal(after[name], student[name]) == frozen, name


@thorough_on("tensorflow")
def test_the_others_go_on_as_an_average():
    model = build()
    train(model, 2)
    FreezeScheduler(PiecewiseFreezeSchedule([(2, 1)]), model).freeze(1)
    average, record = values(model, model.teacher), Record()

    fit(model, 3, record)

    for step, weights in enumerate(record.weights, start=2):
        momentum = 0.8 + 0.2 * step / 10
        for name, value in weights.items():
            average[name] = momentum * average[name] + (1 - momentum) * value
    for name, value in values(model, model.teacher).items():
        np.testing.assert_allclose(value, average[name], rtol=1e-6, atol=1e-6)


@thorough_on("tensorflow")
@pytest.mark.parametrize("frozen_layers", [0, 2, 4])
def test_a_model_with_a_teacher_survives_a_file(tmp_path, frozen_layers):
    model = build()
    train(model, 2)
    scheduler = FreezeScheduler(PiecewiseFreezeSchedule([(2, 4)]), model)
    scheduler.freeze(frozen_layers)
    train(model, 1, first=2)
    model.save(tmp_path / "model.keras")

    again = keras.saving.load_model(tmp_path / "model.keras")

    teacher = values(again, again.teacher)
    for name, value in values(model, model.teacher).items():
        np.testing.assert_array_equal(teacher[name], value)
    assert (
        again.teacher.blocks[:frozen_layers]
        == (again.encoder.blocks[:frozen_layers])
    )
    assert int(again.updates_seen.numpy()) == 3


def test_the_teacher_is_what_is_exported():
    assert build().exported_encoder is not build().encoder
    model = build(teacher="frozen")
    assert model.teacher is None
    assert model.exported_encoder is model.encoder


@thorough_on("tensorflow")
def test_the_exported_teacher_can_be_trained(tmp_path):
    model = build()
    train(model, 1)
    FreezeScheduler(PiecewiseFreezeSchedule([(2, 1)]), model).freeze(1)
    model.exported_encoder.save_to_preset(tmp_path / "encoder")

    encoder = type(model.encoder).from_preset(tmp_path / "encoder")

    assert len(encoder.trainable_variables) == len(encoder.variables)
    for mine, other in zip(encoder.blocks, model.teacher.blocks, strict=True):
        for a, b in zip(mine.variables, other.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="counts saved tensors"
)
def test_the_teacher_costs_no_gradient_memory():
    saved = {}
    for target_layer in (1, 3):
        model = build(teacher="ema", target_layer=target_layer)
        train(model, 1)
        saved[target_layer] = backends.measure_step(model).activation_bytes

    assert saved[1] == saved[3]


def test_a_target_without_a_teacher_must_be_frozen_or_allowed_to_move():
    encoder = freezing.build_model().encoder
    objective = VJEPA(teacher="frozen", target_layer=2)

    with pytest.raises(ValueError, match="would move with the encoder"):
        MaskedPretraining(encoder, objective, mask=RandomMask(0.5))

    model = MaskedPretraining(
        encoder, objective, mask=RandomMask(0.5), allow_moving_target=True
    )
    assert model.target_layers == (2,)


def test_one_visible_patch_is_too_little():
    encoder = freezing.build_model().encoder

    with pytest.raises(ValueError, match="at least 2 visible patches"):
        MaskedPretraining(encoder, "vjepa", mask=RandomMask(0.9))


@thorough_on("tensorflow")
def test_the_gradient_flows_through_targets_on_request_only():
    norms = {}
    for flows in (False, True):
        model = build(teacher="self", target_gradient=flows)
        logs = model.train_on_batch(freezing.clips(1), return_dict=True)
        norms[flows] = float(logs["grad_norm"])

    assert norms[True] != pytest.approx(norms[False], rel=1e-3)


def test_its_configuration_is_plain_json():
    model = build()

    assert json.loads(json.dumps(model.get_config()["objective"]))


def test_a_last_norm_is_copied_and_never_moved():
    encoder = networks.small_encoder(final_norm=True)
    ema = teachers.create(encoder)
    start = [networks.numpy(v) for v in encoder.output_norm.variables]

    for variable in encoder.output_norm.variables:
        variable.assign(variable + 1.0)
    teachers.update(ema, encoder, 0.5)

    for variable, value in zip(ema.output_norm.variables, start, strict=True):
        np.testing.assert_array_equal(networks.numpy(variable), value)
