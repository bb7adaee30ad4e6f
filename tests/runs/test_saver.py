"""Checkpoints of weights in parts are complete before they have a name."""

import json
import threading

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.runs import checkpoint_parts, checkpoints
from layerlock.runs.saver import Saver


class Writing:
    """Parts that are written when the test says so."""

    def __init__(self):
        self.may_end = threading.Event()
        self.error = None

    def wait(self):
        assert self.may_end.wait(10)
        if self.error:
            raise self.error


@pytest.fixture
def model():
    model = keras.Sequential([keras.layers.Dense(2)])
    model.build((None, 3))
    model.compile(keras.optimizers.AdamW(1e-2))
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def writing(monkeypatch):
    """A backend whose weights are in parts, which are whole files here."""
    writing = Writing()

    def save_shards(folder, variables):
        np.savez(
            folder / "0.npz", **{k: v.numpy() for k, v in variables.items()}
        )
        return writing

    def load_shards(folder, variables, is_part=False):
        stored = np.load(folder / "0.npz")
        for name, variable in variables.items():
            variable.assign(stored[name])

    monkeypatch.setattr(backends, "is_sharded", lambda: True)
    monkeypatch.setattr(backends, "save_shards", save_shards)
    monkeypatch.setattr(backends, "load_shards", load_shards)
    return writing


def test_training_goes_on_while_parts_are_written(model, writing, tmp_path):
    saver = Saver(tmp_path, keep=2)

    saver.save(model, 3, {"losses": [0.5]}, {"grams": np.ones(2)})
    assert checkpoints.find(tmp_path) == []
    writing.may_end.set()
    saver.wait()

    path, state, damaged = checkpoints.read_newest(tmp_path)
    assert (path.name, damaged) == ("step_00000003", [])
    assert state == {"losses": [0.5], "step": 3}
    assert checkpoints.read_arrays(path)["grams"].tolist() == [1, 1]


def test_the_state_is_that_of_the_step(model, writing, tmp_path):
    saver, events = Saver(tmp_path, keep=2), [[2, 1]]
    saver.save(model, 3, {"events": events}, {})

    events.append([4, 2])  # training goes on
    writing.may_end.set()
    saver.wait()

    _, state, _ = checkpoints.read_newest(tmp_path)
    assert state["events"] == [[2, 1]]


def test_parts_are_loaded_into_the_weights(model, writing, tmp_path):
    writing.may_end.set()
    saver = Saver(tmp_path, keep=2)
    expected = [v.numpy() for v in model.variables]
    saver.save(model, 3, {}, {})
    saver.wait()
    for variable in model.trainable_variables:
        variable.assign(0.0 * variable)

    checkpoints.load_weights(tmp_path / "step_00000003", model)

    for variable, value in zip(model.variables, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_one_layer_is_loaded_from_parts(model, writing, tmp_path):
    writing.may_end.set()
    saver = Saver(tmp_path, keep=2)
    [layer] = model.layers
    names = checkpoint_parts.names_of(model, layer)
    saver.save(model, 3, {}, {})
    saver.wait()
    other = keras.layers.Dense(2)
    other.build((None, 3))

    checkpoint_parts.load_part(
        tmp_path / "step_00000003", "layer", other, names
    )

    for variable, value in zip(other.variables, layer.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value.numpy())
    with pytest.raises(ValueError, match="has another layer, or is damaged"):
        checkpoint_parts.load_part(
            tmp_path / "step_00000003", "layer", other, names[:1]
        )


def test_a_damaged_part_is_seen(model, writing, tmp_path):
    writing.may_end.set()
    saver = Saver(tmp_path, keep=2)
    saver.save(model, 3, {}, {})
    saver.wait()
    part = tmp_path / "step_00000003" / checkpoints.SHARDS / "0.npz"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)

    assert "0.npz does not match" in checkpoints.verify(part.parents[1])
    part.unlink()
    assert checkpoints.verify(part.parents[1]) == "0.npz is missing"


def test_a_manifest_names_no_file_outside_of_its_checkpoint(
    model, writing, tmp_path
):
    writing.may_end.set()
    saver = Saver(tmp_path, keep=2)
    saver.save(model, 3, {}, {})
    saver.wait()
    manifest = tmp_path / "step_00000003" / "manifest.json"
    digests = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**digests, "/dev/zero": "0"}))

    assert checkpoints.verify(manifest.parent) == "zero is missing"


def test_a_write_that_failed_is_raised_by_the_next_call(
    model, writing, tmp_path
):
    saver = Saver(tmp_path, keep=2)
    saver.save(model, 3, {}, {})
    writing.error = OSError("no space left")
    writing.may_end.set()

    with pytest.raises(OSError, match="no space left"):
        saver.save(model, 4, {}, {})
    assert checkpoints.find(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_follows_writes_its_parts_alone(
    model, writing, tmp_path, monkeypatch
):
    draft = tmp_path / checkpoints.draft_name(3) / checkpoints.SHARDS
    draft.mkdir(parents=True)  # by the first process
    writing.may_end.set()
    saver = Saver(tmp_path, keep=2, is_writer=False)

    saver.save(model, 3, {}, {})
    saver.wait()

    assert [path.name for path in draft.iterdir()] == ["0.npz"]
    assert [path.name for path in draft.parent.iterdir()] == ["shards"]
