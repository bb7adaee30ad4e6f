"""Gradients are clipped as Keras does, in fewer calls."""

import types

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("of PyTorch", allow_module_level=True)

import torch

from layerlock.backends.torch.distribution import clipping


def gradients():
    generator = torch.Generator().manual_seed(0)
    sizes = [(3, 4), (5,)]
    return [torch.randn(size, generator=generator) for size in sizes]


@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_the_global_norm_is_that_of_keras(limit):
    optimizer = keras.optimizers.SGD(global_clipnorm=limit)
    expected = optimizer._clip_gradients(gradients())

    clipped = clipping.clip_by_total_norm(optimizer, gradients())

    for ours, theirs in zip(clipped, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_norm_that_is_not_finite_is_not_hidden():
    optimizer = keras.optimizers.SGD(global_clipnorm=1.0)
    broken = gradients()
    broken[1][0] = torch.inf

    clipped = clipping.clip_by_total_norm(optimizer, broken)

    assert not any(torch.isfinite(gradient).any() for gradient in clipped)


def test_weights_without_a_gradient_are_left_out():
    optimizer = keras.optimizers.SGD(global_clipnorm=0.5)
    expected = clipping.clip_by_total_norm(optimizer, gradients())

    first, missing, last = clipping.clip_by_total_norm(
        optimizer, [gradients()[0], None, gradients()[1]]
    )

    assert missing is None
    assert torch.equal(first, expected[0]) and torch.equal(last, expected[1])


def test_an_optimizer_that_mixes_the_numbers_of_a_weight_is_refused():
    clipping.prepare(keras.optimizers.AdamW())
    with pytest.raises(ValueError, match="the update of Muon"):
        clipping.prepare(keras.optimizers.Muon())


def test_a_shared_norm_is_computed_again_where_a_gradient_has_changed(
    monkeypatch,
):
    calls, norm_of = [], torch.nn.utils.get_total_norm
    monkeypatch.setattr(
        torch.nn.utils,
        "get_total_norm",
        lambda tensors: calls.append(tensors) or norm_of(tensors),
    )
    first, last = gradients()

    def norms():
        return float(clipping.total_norm([first, last])), len(calls)

    with clipping.shared_norm([first, None, last]):
        before = float(norm_of([first, last]))
        assert norms() == norms() == (before, 1)
        assert float(clipping.total_norm([last])) < before  # others
        assert len(calls) == 2
        last.mul_(3.0)
        after = float(norm_of([first, last]))
        assert norms() == norms() == (after, 3)
    assert norms() == (after, 4)
    assert before < after


@pytest.fixture
def reduced(monkeypatch):
    """What each of two processes adds to a sum of both."""
    reduced = []

    def all_reduce(tensor):
        reduced.append(tensor.clone())
        tensor.mul_(2)  # as if the other had the same

    monkeypatch.setattr(clipping.active, "is_sharded", lambda: True)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    return reduced


def on_both(monkeypatch, function):
    for rank in (0, 1):
        one = types.SimpleNamespace(rank=rank, size=2)
        monkeypatch.setattr(clipping.active, "current", lambda one=one: one)
        function()


def test_the_norm_counts_a_weight_without_parts_once(monkeypatch, reduced):
    whole, part = torch.tensor(3.0), torch.tensor([2.0, 2.0])

    on_both(monkeypatch, lambda: clipping.total_norm([whole, part]))

    assert sum(map(float, reduced)) == pytest.approx(9 + 2 * 8)


def test_each_norm_counts_a_weight_without_parts_once(monkeypatch, reduced):
    optimizer = keras.optimizers.SGD(clipnorm=100.0)
    whole, part = torch.tensor(3.0), torch.tensor([2.0, 2.0])

    on_both(monkeypatch, lambda: clipping._clip_each(optimizer, [whole, part]))

    assert sum(reduced).tolist() == pytest.approx([9, 2 * 8])


def test_gradients_of_weights_without_parts_are_added_up(reduced):
    whole, part, last = torch.tensor(3.0), torch.ones(2), torch.tensor(5.0)

    clipping.add_up_scalars([whole, None, part, last])

    assert (float(whole), part.tolist(), float(last)) == (6.0, [1, 1], 10.0)
    assert [sent.tolist() for sent in reduced] == [[3.0, 5.0]]


def test_a_process_without_a_part_of_the_first_weight_sees_an_overflow(
    monkeypatch,
):
    monkeypatch.setattr(clipping.active, "is_sharded", lambda: True)
    monkeypatch.setattr(clipping, "total_norm", lambda _: torch.tensor(np.inf))
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW())
    held = [torch.ones(0), None, torch.ones(3)]

    clipping.spread_overflow(optimizer, held)

    assert not torch.isfinite(held[-1]).any()
