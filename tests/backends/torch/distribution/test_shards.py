"""Checkpoints of parts: what is written is what was there at the call."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("parts of PyTorch", allow_module_level=True)

import torch

from layerlock.backends.torch.distribution import shards


@pytest.fixture(autouse=True)
def group():
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def variables(value=0.0, shape=(2, 3)):
    return {
        "kernel": keras.Variable(np.full(shape, value, "float32")),
        "steps": keras.Variable(int(value), dtype="int64", trainable=False),
    }


def values(variables):
    return {k: v.numpy().tolist() for k, v in variables.items()}


def save(folder, variables):
    shards.save_shards(folder, variables).wait()


def test_values_come_back_into_the_same_memory(tmp_path):
    saved, loaded = variables(7.0), variables()
    memory = loaded["kernel"].value.data_ptr()
    save(tmp_path, saved)

    shards.load_shards(tmp_path, loaded)

    assert values(loaded) == values(saved)
    assert loaded["kernel"].value.data_ptr() == memory


def test_training_that_goes_on_does_not_change_what_is_written(
    tmp_path, monkeypatch
):
    # The thread starts once training has changed the weights.
    started = []
    monkeypatch.setattr(
        shards.threading.Thread, "start", lambda self: started.append(self)
    )
    saved, loaded = variables(7.0), variables()
    writing = shards.save_shards(tmp_path, saved)
    saved["kernel"].assign(np.zeros((2, 3)))
    monkeypatch.undo()
    writing.thread.start()
    writing.wait()

    shards.load_shards(tmp_path, loaded)

    assert started == [writing.thread]
    assert values(loaded) == values(variables(7.0))


@pytest.mark.parametrize(
    "other",
    [
        {"bias": keras.Variable(np.ones(3))},
        variables(1.0, shape=(3, 2)),
        {
            **variables(1.0),
            "kernel": keras.Variable(np.ones((2, 3)), "float64"),
        },
    ],
)
def test_a_save_after_one_of_other_weights_has_its_own(tmp_path, other):
    for number, saved in enumerate([variables(7.0), other, variables(8.0)]):
        loaded = {
            name: keras.Variable(
                np.zeros(one.shape), dtype=one.dtype, trainable=one.trainable
            )
            for name, one in saved.items()
        }
        save(tmp_path / str(number), saved)

        shards.load_shards(tmp_path / str(number), loaded)

        assert values(loaded) == values(saved)


def test_what_failed_in_the_thread_is_raised_by_wait(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError):
        save(tmp_path / "file", variables())


@pytest.mark.parametrize(
    "other", [{"kernel": variables()["steps"]}, {"bias": variables()["steps"]}]
)
def test_parts_of_another_model_are_refused(tmp_path, other):
    save(tmp_path, variables())

    with pytest.raises(ValueError, match="another model, or is damaged"):
        shards.load_shards(tmp_path, other)


def test_a_damaged_part_is_refused(tmp_path):
    save(tmp_path, variables())
    [part] = tmp_path.glob("*.distcp")
    part.write_bytes(part.read_bytes()[:20])

    with pytest.raises(ValueError, match="is damaged.*earlier checkpoint"):
        shards.load_shards(tmp_path, variables())
