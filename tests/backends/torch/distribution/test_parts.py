"""Weights in parts: what a process holds, and for how long it holds more."""

import gc
import weakref

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.models.transformer import TransformerBlock
from tests.core.freezing import dropped_gradients as freezing

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="for PyTorch only"
)


@pytest.fixture
def two_processes():
    """Two processes, of which the other is imagined: it sends nothing."""
    import torch
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group(
        "fake", store=FakeStore(), rank=1, world_size=2
    )
    yield
    torch.distributed.destroy_process_group()


def compiled_model():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-3), jit_compile=False)
    return model


def test_each_weight_and_slot_is_halved_and_the_state_of_a_model_is_not(
    two_processes,
):
    model = compiled_model()
    kernel = model.encoder.blocks[0].qkv[0]
    before = kernel.numpy()

    with backends.distributed("fsdp"):
        backends.place(model)
        model.optimizer.build(model.trainable_variables)

    np.testing.assert_array_equal(kernel.numpy(), before[len(before) // 2 :])
    assert {v.shape for v in model.optimizer.variables if v.ndim} == {
        v.shape for v in model.trainable_variables
    }
    assert tuple(model.feature_moments.shape) == 2 * (freezing.WIDTH,)


def test_slots_that_exist_are_cut_with_their_weights(two_processes):
    model = compiled_model()
    model.optimizer.build(model.trainable_variables)

    with backends.distributed("fsdp"):
        backends.place(model)

    assert {v.shape for v in model.optimizer.variables if v.ndim} == {
        v.shape for v in model.trainable_variables
    }


def test_a_model_is_gathered_and_put_back(two_processes, monkeypatch):
    from layerlock.backends.torch.distribution import processes

    monkeypatch.setattr(processes, "process_index", lambda: 0)
    model = compiled_model()
    before = [tuple(v.shape) for v in model.variables]

    with backends.distributed("fsdp"):
        backends.place(model)
        halves = [tuple(v.shape) for v in model.variables]
        own = [v.value for v in model.variables]
        with backends.gathered(model):
            whole = [v.numpy().shape for v in model.variables]

    assert whole == before != halves
    assert [tuple(v.shape) for v in model.variables] == halves
    assert all(v.value is o for v, o in zip(model.variables, own, strict=True))


def test_a_process_that_does_not_write_keeps_its_parts(two_processes):
    model = compiled_model()
    with backends.distributed("fsdp"):
        backends.place(model)
        own = [v.value for v in model.variables]
        with backends.gathered(model):
            inside = [v.value for v in model.variables]

    assert all(a is b for a, b in zip(inside, own, strict=True))


def test_a_slot_takes_a_whole_value(two_processes):
    model = compiled_model()
    with backends.distributed("fsdp"):
        backends.place(model)
        model.optimizer.build(model.trainable_variables)
        slot = model.optimizer.variables[-2]
        half, whole = tuple(slot.shape), tuple(backends.whole(slot).shape)

        slot.assign(np.arange(np.prod(whole)).reshape(whole))

    assert (half[0] * 2, *half[1:]) == whole
    assert tuple(slot.shape) == half
    assert slot.numpy().ravel()[0] == np.prod(half)  # of the second process


@pytest.mark.parametrize("size, axis", [((3, 4), 1), ((5, 3), 0), ((1,), 0)])
def test_an_axis_that_divides_is_cut_or_the_longest(two_processes, size, axis):
    from layerlock.backends.torch.distribution import parts

    layer = keras.layers.Layer()
    layer.add_weight(shape=size, name="weight")
    model = keras.Sequential([layer])
    model.frozen_layers, model.freezable_layers = 0, []
    model.compile("adamw")

    with backends.distributed("fsdp"):
        backends.place(model)

    part = parts.part_of(layer.variables[0])
    assert (part.axis, tuple(part.shape)) == (axis, size)


@pytest.mark.parametrize("remat", ["none", "blocks", "attention"])
def test_gathered_weights_are_freed_before_the_backward_pass(
    remat, two_processes, monkeypatch
):
    import torch

    from layerlock.backends.torch.distribution import gathering, parts

    block = TransformerBlock(2, 8, 16, remat=remat)
    block.build((None, None, 8))
    model = keras.Sequential([block])
    model.frozen_layers, model.freezable_layers = 0, []
    model.compile("adamw")
    alive = []

    def remembered(x):
        if not isinstance(x, torch.distributed.tensor.DTensor):
            return x
        whole = parts.gather(x)
        alive.append(weakref.ref(whole))
        return whole

    monkeypatch.setattr(gathering, "gather", remembered)
    with backends.distributed("fsdp"):
        backends.place(model)
        y = block(torch.ones((1, 3, 8), requires_grad=True))
        gc.collect()
        during, held = len(alive), sum(ref() is not None for ref in alive)
        y.sum().backward()

    assert during >= 12
    assert held == 0
    assert len(alive) > during  # gathered again
    assert all(v.value.grad.shape == v.shape for v in block.variables)


def test_what_a_block_keeps_is_counted_as_in_one_process(two_processes):
    import torch

    from layerlock.backends.torch.saved_tensors import SavedTensors

    block = TransformerBlock(2, 8, 16)
    block.build((None, None, 8))
    model = keras.Sequential([block])
    model.frozen_layers, model.freezable_layers = 0, []
    model.compile("adamw")
    x, found = torch.ones((2, 3, 8), requires_grad=True), []
    for kind in ("none", "fsdp"):
        with backends.distributed(kind):
            backends.place(model)
            with SavedTensors(block.variables) as saved:
                block(x)
            found.append(saved.bytes)

    assert found[0] == found[1] > 0


@pytest.mark.parametrize("kind, mesh", [("model", None), ("fsdp", (1, 2))])
def test_matrices_that_stay_in_parts_are_refused(kind, mesh, two_processes):
    reason = backends.unsupported(distribution=kind, mesh=mesh, batch_size=4)

    assert "KERAS_BACKEND=jax" in reason
    assert backends.unsupported(distribution="fsdp", batch_size=4) is None


def test_an_optimizer_that_needs_whole_weights_is_refused(two_processes):
    from layerlock.backends.torch.distribution import clipping

    with pytest.raises(ValueError, match="update of Lamb.*distribution=data"):
        clipping.prepare(keras.optimizers.Lamb())
