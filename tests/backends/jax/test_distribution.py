"""Layouts on a mesh of one device, which are those on many."""

import types

import jax
import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.core.freezing import dropped_gradients as freezing
from tests.models import networks

if keras.backend.backend() != "jax":
    pytest.skip("of JAX", allow_module_level=True)

from layerlock.backends.jax import distribution


def rows_split(path, shape, sizes):
    """Marks every matrix, as no axis of one device would be."""
    return ("data" if len(shape) > 1 else None, *[None] * (len(shape) - 1))[
        : len(shape)
    ]


@pytest.fixture
def model():
    with distribution.laid_out("fsdp", (1, 1), rows_split):
        model = freezing.build_model(objective="vjepa")
        model.compile(keras.optimizers.AdamW(1e-2))
        model.optimizer.build(model.trainable_variables)
        yield model


def specs(variables):
    """The layout of each matrix."""
    return [tuple(v._layout.axes) for v in variables if v.ndim == 2]


def slots(model):
    return [v for v in model.optimizer.variables if v.ndim == 2]


def check_slots(model):
    matrices = [v for v in model.trainable_variables if v.ndim == 2]
    assert specs(matrices) == [("data", None)] * len(matrices)
    assert specs(slots(model)) == [("data", None)] * 2 * len(matrices)


def test_slots_have_the_layout_of_their_weight_after_a_freeze_too(model):
    check_slots(model)
    before = len(slots(model))

    FreezeScheduler(NeverFreezeSchedule(), model).freeze(1)

    assert len(slots(model)) == before - 2 * 5  # embedding and four of a block
    check_slots(model)


def test_a_teacher_has_the_layout_of_its_student(model):
    taught = specs(model.teacher.variables)

    assert taught == specs(model.encoder.variables) != []


def test_a_fixed_teacher_is_in_parts_too():
    """Its matrices, which no other encoder has, have a layout of their own."""
    with distribution.laid_out("fsdp", (1, 1), rows_split):
        student, teacher = (
            networks.small_encoder(name=name, num_decoder_layers=0)
            for name in ("encoder", "teacher")
        )
        MaskedPretraining(student, VJEPA("fixed"), fixed_teacher=teacher)

    found = specs(teacher.variables)
    assert found == [("data", None)] * len(found) != []


def test_weights_in_parts_are_known(model):
    assert backends.is_sharded()
    with distribution.laid_out("data", (1, 1), rows_split):
        assert not backends.is_sharded()


def test_the_distribution_of_the_caller_is_restored_after_an_error():
    with pytest.raises(RuntimeError):
        with distribution.laid_out("data", None, rows_split):
            assert keras.distribution.distribution() is not None
            raise RuntimeError
    assert keras.distribution.distribution() is None


def test_functions_of_a_model_take_any_number_of_rows(model):
    encoder = model.encoder
    name = encoder.layer_names[-1]
    function = backends.compiled(
        model, lambda clips: encoder.features(clips)[name]
    )
    clips = keras.ops.convert_to_tensor(freezing.clips(1))

    found = np.asarray(function(clips))

    assert len(found) == freezing.BATCH_SIZE
    np.testing.assert_allclose(np.asarray(function(clips[:3])), found[:3], 1e-4)


def listed(processes):
    """Devices of processes, in the order of JAX: their numbers ascend."""
    return [
        types.SimpleNamespace(platform="cpu", process_index=process, id=number)
        for number, process in enumerate(processes)
    ]


@pytest.mark.parametrize(
    ("kind", "mesh"),
    [("data", None), ("fsdp", None), ("fsdp", (4, 2)), ("model", None)],
)
def test_devices_of_a_process_are_side_by_side(monkeypatch, kind, mesh):
    found = listed([0, 0, 1, 1] * 2)
    monkeypatch.setattr(jax, "devices", lambda backend=None: found)

    with distribution.laid_out(kind, mesh, rows_split):
        ours = keras.distribution.distribution().device_mesh.devices

    names = [f"cpu:{number}" for number in (0, 1, 4, 5, 2, 3, 6, 7)]
    assert ours.ravel().tolist() == names


def test_a_mesh_that_cuts_across_processes_is_refused(monkeypatch):
    """Three processes of two devices, of which the second has every row."""
    monkeypatch.setattr(jax, "devices", lambda: listed([0, 1, 2] * 2))
    monkeypatch.setattr(jax, "device_count", lambda: 6)

    def refuse(mesh):
        return backends.unsupported(
            distribution="data", mesh=mesh, batch_size=6
        )

    assert "process 0: 0 to 2; process 1: 0 to 5" in refuse((2, 3))
    assert refuse((3, 2)) is None
    assert refuse((6,)) is None
    assert refuse((1, 6)) is None
