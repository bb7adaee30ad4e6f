"""The devices of a run."""

import keras
import pytest

from layerlock.jobs.pretraining import building


@pytest.fixture
def active(monkeypatch):
    """The active distribution, without devices; first that of the caller."""
    active = ["the caller's"]
    replaced = {
        "distribution": lambda: active[0],
        "set_distribution": lambda new: active.__setitem__(0, new),
        "list_devices": lambda: ["cpu:0", "cpu:1"],
        "DataParallel": lambda devices: f"data over {len(devices)}",
    }
    for name, function in replaced.items():
        monkeypatch.setattr(keras.distribution, name, function)
    return active


def test_the_distribution_of_the_caller_is_restored(active):
    with building.distributed("data"):
        assert active == ["data over 2"]

    assert active == ["the caller's"]


def test_the_distribution_of_the_caller_is_restored_after_an_error(active):
    with pytest.raises(RuntimeError), building.distributed("data"):
        raise RuntimeError

    assert active == ["the caller's"]


def test_without_a_distribution_nothing_changes(active):
    with building.distributed("none"):
        assert active == ["the caller's"]
