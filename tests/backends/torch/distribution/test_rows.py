"""Each process has its own rows of a batch, inside of a step alone."""

import types

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("processes of PyTorch", allow_module_level=True)

import torch
from torch.testing._internal.distributed.fake_pg import FakeStore

from layerlock.backends.torch.distribution import active, rows


def become(monkeypatch, rank, size):
    distribution = types.SimpleNamespace(rank=rank, size=size)
    monkeypatch.setattr(active, "_active", distribution)


def test_the_rows_of_all_processes_are_the_batch(monkeypatch):
    batch, found = torch.arange(12).reshape(6, 2), []
    for rank in range(3):
        become(monkeypatch, rank, 3)
        with rows.split_batch():
            found.append(rows.own_rows(batch))
            assert rows.global_size(2) == 6

    assert torch.equal(torch.cat(found), batch)


def test_outside_of_a_step_each_process_has_all_rows(monkeypatch):
    become(monkeypatch, 1, 3)
    batch = torch.ones(6)

    assert rows.own_rows(batch) is batch
    assert rows.all_rows(batch) is batch
    assert rows.global_mean(batch) is batch
    assert rows.global_size(6) == 6


def test_a_step_that_fails_ends_the_split(monkeypatch):
    become(monkeypatch, 1, 2)
    with pytest.raises(RuntimeError):
        with rows.split_batch():
            raise RuntimeError

    assert rows.global_size(3) == 3


def test_one_process_splits_nothing():
    with rows.split_batch():
        assert rows.local_rows(8) == slice(0, 8)
        assert rows.global_size(8) == 8


def test_what_is_gathered_has_the_rows_of_all_and_no_gradient(monkeypatch):
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        become(monkeypatch, 0, 1)
        own = torch.arange(6.0, requires_grad=True).reshape(3, 2)
        with rows.split_batch():
            gathered, mean = rows.all_rows(own), rows.global_mean(own)
    finally:
        torch.distributed.destroy_process_group()

    assert torch.equal(gathered, own) and torch.equal(mean, own)
    assert not gathered.requires_grad and not mean.requires_grad


def test_rows_of_two_processes_lie_one_after_the_other(monkeypatch):
    """The other process is imagined, and sends nothing."""
    torch.distributed.init_process_group(
        "fake", store=FakeStore(), rank=1, world_size=2
    )
    try:
        become(monkeypatch, 1, 2)
        with rows.split_batch():
            gathered = rows.all_rows(torch.ones(3, 2))
    finally:
        torch.distributed.destroy_process_group()

    assert gathered.shape == (6, 2)
