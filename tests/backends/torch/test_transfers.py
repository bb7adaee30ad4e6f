"""Transfers to the device: constants once, clips by the reading thread."""

import concurrent.futures
import threading
import types

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("copies of constants are PyTorch's", allow_module_level=True)

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from layerlock import backends, plugins
from layerlock.backends.torch import transfers
from layerlock.backends.torch.distribution import processes
from layerlock.core.freezing.learning_rate import MiniWarmup, WarmupCosine
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)
from tests.core.freezing import dropped_gradients as freezing

CLIPS = np.arange(48, dtype="uint8").reshape(2, 2, 2, 2, 3)


class CountCopies(TorchDispatchMode):
    """Counts tensors made of Python's numbers or NumPy's, and the opposite."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function in (
            torch.ops.aten.lift_fresh.default,
            torch.ops.aten._local_scalar_dense.default,
        )
        return function(*args, **(kwargs or {}))


OBJECTIVES = plugins.names("layerlock.core.pretraining.objectives")


@pytest.mark.parametrize(
    ("objective", "accumulation"),
    [
        ("mae", 2),
        *((name, None) for name in OBJECTIVES),
        (MaskedAutoencodingWithLatents(weight_schedule="cosine"), None),
    ],
)
def test_a_step_copies_nothing_to_the_device_and_back(objective, accumulation):
    model = freezing.build_model(objective=objective)
    rate = MiniWarmup(WarmupCosine(1e-2, 100, 10), events=[5], length=4)
    model.compile(
        keras.optimizers.AdamW(
            rate,
            global_clipnorm=1.0,
            gradient_accumulation_steps=accumulation,
        )
    )
    clips = keras.ops.convert_to_tensor(freezing.clips(1))
    for _ in range(4):
        model.train_on_batch(clips)

    with CountCopies() as copies:
        float(torch.tensor(1))
        assert copies.count == 2
        model.train_step((clips,))
        model.train_step((clips,))

    assert copies.count == 2


def test_a_constant_lies_on_the_device_of_a_scope():
    with keras.device("meta"):
        assert backends.constant(7.25, "float32").device.type == "meta"
    assert backends.constant(7.25, "float32").device.type != "meta"


def test_a_constant_of_somebody_who_traces_is_not_kept():
    with FakeTensorMode():
        backends.constant([1.5, 2.5], "float32")
    assert backends.constant([1.5, 2.5], "float32").tolist() == [1.5, 2.5]


def test_what_is_kept_is_bounded():
    for number in range(2 * transfers.MAX_CONSTANTS):
        assert float(backends.constant(number, "float32")) == number
    assert len(transfers._constants) <= transfers.MAX_CONSTANTS


def test_a_constant_of_inference_mode_can_be_trained_with():
    with torch.inference_mode():
        backends.constant(0.123, "float32")
    weight = torch.ones((), requires_grad=True)
    (weight * backends.constant(0.123, "float32")).backward()
    assert float(weight.grad) == pytest.approx(0.123)


def test_a_cpu_takes_them_as_they_are():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert backends.to_device(CLIPS) is CLIPS


@pytest.fixture
def current(monkeypatch):
    """The current device of each thread of a machine with 4 GPUs."""
    current = threading.local()

    def empty(shape):
        index = getattr(current, "index", 0)
        return types.SimpleNamespace(device=torch.device("cuda", index))

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda i: setattr(current, "index", i)
    )
    monkeypatch.setattr(keras.ops, "empty", empty)
    transfers._device_of.cache_clear()
    yield current
    transfers._device_of.cache_clear()


def test_another_thread_uses_the_device_of_the_process(current, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")

    processes._choose_device(7)
    with concurrent.futures.ThreadPoolExecutor(1) as other:
        device = other.submit(transfers.current_device).result()

    assert device == torch.device("cuda", 3)


@pytest.mark.gpu
def test_they_are_on_the_gpu_whatever_becomes_of_the_array():
    array = CLIPS.copy()
    clips = backends.to_device(array)
    array[:] = 0

    assert clips.device.type == "cuda"
    np.testing.assert_array_equal(clips.cpu(), CLIPS)


def test_a_constant_is_made_once():
    first = backends.constant([3, 1, 4], "int32")

    assert backends.constant([3, 1, 4], "int32") is first


@pytest.mark.parametrize(
    "value, dtype",
    [([3, 1, 5], "int32"), ([3, 1, 4], "float32"), ([[3, 1, 4]], "int32")],
    ids=["value", "precision", "shape"],
)
def test_constants_that_differ_are_not_shared(value, dtype):
    first = backends.constant([3, 1, 4], "int32")
    second = backends.constant(value, dtype)

    assert second is not first
    assert second.tolist() == value
    assert second.dtype == getattr(torch, dtype)


def test_the_oldest_constants_make_room():
    for number in range(transfers.MAX_CONSTANTS):
        backends.constant(number, "float64")
    latest = backends.constant(transfers.MAX_CONSTANTS - 1, "float64")

    backends.constant(-1, "float64")

    number = transfers.MAX_CONSTANTS - 1
    assert backends.constant(number, "float64") is latest
