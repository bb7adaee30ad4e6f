"""A checkpoint is whole, or is not there; damage is noticed and told."""

import errno
import json
import pickle

import keras
import numpy as np
import pytest

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.runs import checkpoints
from tests.core.freezing import dropped_gradients as freezing

WEIGHTS, STATE, MANIFEST = "model.weights.h5", "state.json", "manifest.json"
ARRAYS = "arrays.npz"


@pytest.fixture
def model():
    """A model so small that nothing but its file matters."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1))
    model.optimizer.build(model.trainable_variables)
    return model


def staged(frozen_layers, optimizer=None):
    """A `MaskedPretraining` with `frozen_layers` frozen."""
    model = freezing.build_model()
    model.compile(optimizer or keras.optimizers.AdamW(1e-2))
    model.optimizer.build(model.trainable_variables)
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(frozen_layers)
    return model


def scramble(model):
    """Gives every variable values that no initializer would give."""
    rng = np.random.default_rng(4)
    for variable in [*model.variables, *model.optimizer.variables]:
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(rng.normal(size=variable.shape))
        else:
            variable.assign(rng.integers(1, 99, variable.shape))


def values(model):
    return [
        (v.path, np.asarray(v.numpy()))
        for v in [*model.variables, *model.optimizer.variables]
    ]


def names(folder):
    return [path.name for path in checkpoints.find(folder)]


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


def test_a_checkpoint_is_named_by_its_step(tmp_path, model):
    path = checkpoints.save(tmp_path / "new" / "folder", model, 1000, {})

    assert path == tmp_path / "new" / "folder" / "step_00001000"
    assert path.is_dir()


def test_its_state_comes_back_with_the_step(tmp_path, model):
    state = {"frozen_layers": 2, "events": [[3, 1], [5, 2]], "log": {"a": 0.1}}
    checkpoints.save(tmp_path, model, 7, state)

    _, found, damaged = checkpoints.read_newest(tmp_path)

    assert found == {**state, "step": 7}
    assert damaged == []


def test_the_manifest_names_every_other_file(tmp_path, model):
    path = checkpoints.save(tmp_path, model, 7, {})

    manifest = json.loads((path / MANIFEST).read_text())

    files = {file.name for file in path.iterdir()}
    assert set(manifest) == files - {MANIFEST} == {WEIGHTS, STATE, ARRAYS}
    assert all(len(digest) == 64 for digest in manifest.values())


def test_a_save_that_is_interrupted_leaves_no_checkpoint(
    tmp_path, model, monkeypatch
):
    def interrupted(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model, "save_weights", interrupted)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.save(tmp_path, model, 7, {})

    assert names(tmp_path) == []


def test_what_an_interrupted_save_left_does_not_disturb_the_next(
    tmp_path, model
):
    draft = tmp_path / ".writing_step_00000007"
    draft.mkdir()
    (draft / WEIGHTS).write_bytes(b"half")
    (draft / "other").write_bytes(b"rest")

    path = checkpoints.save(tmp_path, model, 7, {})

    assert checkpoints.verify(path) is None
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert len(list(path.iterdir())) == 4


def test_a_checkpoint_appears_with_all_its_files(tmp_path, model, monkeypatch):
    seen = []
    path = type(tmp_path)
    rename = path.rename

    def watched(self, target):
        seen.append((names(tmp_path), checkpoints.verify(self)))
        return rename(self, target)

    monkeypatch.setattr(path, "rename", watched)
    checkpoints.save(tmp_path, model, 7, {})

    assert seen == [([], None)]


def test_the_newest_are_kept(tmp_path, model):
    for step in (8, 9, 10, 11):
        checkpoints.save(tmp_path, model, step, {}, keep=2)

    assert names(tmp_path) == ["step_00000011", "step_00000010"]


def test_the_one_that_was_just_written_is_kept_and_not_later_damaged_ones(
    tmp_path, model
):
    for step in (2, 8, 9):
        checkpoints.save(tmp_path, model, step, {})
    for step in (8, 9):
        flip_bit(tmp_path / f"step_{step:08d}" / WEIGHTS)

    checkpoints.save(tmp_path, model, 4, {}, keep=1)

    assert names(tmp_path) == ["step_00000004"]
    assert checkpoints.verify(tmp_path / "step_00000004") is None


def test_steps_are_numbers_however_long_they_are(tmp_path, model):
    checkpoints.save(tmp_path, model, 99_999_999, {})
    checkpoints.save(tmp_path, model, 100_000_000, {}, keep=1)
    (tmp_path / "step_of_mine").mkdir()

    assert names(tmp_path) == ["step_100000000"]


def test_what_cannot_be_removed_ends_no_run(tmp_path, model, monkeypatch):
    checkpoints.save(tmp_path, model, 7, {})

    def refuse(self, target):
        if target.name.startswith(".removed_"):
            raise OSError(39, "Directory not empty")  # of a network disk
        return rename(self, target)

    rename = type(tmp_path).rename
    monkeypatch.setattr(type(tmp_path), "rename", refuse)
    checkpoints.save(tmp_path, model, 8, {}, keep=1)

    assert names(tmp_path) == ["step_00000008", "step_00000007"]


def test_a_checkpoint_that_a_kill_left_without_its_name_is_found(
    tmp_path, model
):
    path = checkpoints.save(tmp_path, model, 7, {})
    path.rename(tmp_path / f".replaced_{path.name}")
    (tmp_path / f".writing_{path.name}").mkdir()

    found, state, damaged = checkpoints.read_newest(tmp_path)

    assert (found, state["step"], damaged) == (path, 7, [])


def test_drafts_and_remains_of_any_step_go(tmp_path, model):
    (tmp_path / ".writing_step_00000003").mkdir()
    (tmp_path / ".removed_step_00000001").mkdir()
    path = checkpoints.save(tmp_path, model, 7, {})

    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_none_is_not_a_number_to_keep(tmp_path, model):
    with pytest.raises(ValueError, match="keep=0"):
        checkpoints.save(tmp_path, model, 1, {}, keep=0)


def test_a_step_that_is_saved_again_is_replaced(tmp_path, model):
    checkpoints.save(tmp_path, model, 7, {"run": "first"})
    checkpoints.save(tmp_path, model, 7, {"run": "second"})

    _, state, _ = checkpoints.read_newest(tmp_path)

    assert names(tmp_path) == ["step_00000007"]
    assert state["run"] == "second"


def test_a_folder_that_is_missing_has_no_checkpoints(tmp_path):
    assert checkpoints.find(tmp_path / "missing") == []


def test_a_whole_checkpoint_has_no_problem(tmp_path, model):
    assert checkpoints.verify(checkpoints.save(tmp_path, model, 7, {})) is None


DAMAGES = [
    (truncate, WEIGHTS, "model.weights.h5 does not match its checksum"),
    (flip_bit, WEIGHTS, "model.weights.h5 does not match its checksum"),
    (remove, WEIGHTS, "model.weights.h5 is missing"),
    (truncate, STATE, "state.json does not match its checksum"),
    (flip_bit, STATE, "state.json does not match its checksum"),
    (remove, STATE, "state.json is missing"),
    (truncate, MANIFEST, "manifest.json cannot be read"),
    (remove, MANIFEST, "manifest.json is missing"),
]


@pytest.mark.parametrize(("damage", "file", "problem"), DAMAGES)
def test_damage_is_named(tmp_path, model, damage, file, problem):
    path = checkpoints.save(tmp_path, model, 7, {"frozen_layers": 1})

    damage(path / file)

    assert checkpoints.verify(path) == problem


def test_a_damaged_checkpoint_is_passed_over_and_told(tmp_path, model):
    older = checkpoints.save(tmp_path, model, 7, {"frozen_layers": 1})
    newer = checkpoints.save(tmp_path, model, 8, {"frozen_layers": 2})
    flip_bit(newer / WEIGHTS)

    path, state, damaged = checkpoints.read_newest(tmp_path)

    assert path == older
    assert state == {"frozen_layers": 1, "step": 7}
    assert damaged == [
        "step_00000008 is damaged: "
        "model.weights.h5 does not match its checksum."
    ]


def test_a_disk_that_does_not_answer_is_no_damage(tmp_path, model, monkeypatch):
    saved = [checkpoints.save(tmp_path, model, step, {}) for step in (7, 8)]

    def digest(path):
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    with monkeypatch.context() as broken:
        broken.setattr(checkpoints.disk, "digest", digest)
        with pytest.raises(OSError, match="Stale file handle"):
            checkpoints.read_newest(tmp_path)

    assert all(checkpoints.verify(path) is None for path in saved)


def test_every_damaged_checkpoint_is_told(tmp_path, model):
    for step, damage in ((6, None), (7, truncate), (8, remove)):
        path = checkpoints.save(tmp_path, model, step, {})
        if damage:
            damage(path / WEIGHTS)

    path, _, damaged = checkpoints.read_newest(tmp_path)

    assert path.name == "step_00000006"
    assert [sentence[:13] for sentence in damaged] == [
        "step_00000008",
        "step_00000007",
    ]


def test_without_a_whole_checkpoint_it_says_what_to_do(tmp_path, model):
    truncate(checkpoints.save(tmp_path, model, 7, {}) / WEIGHTS)

    with pytest.raises(
        FileNotFoundError, match="step_00000007 is damaged.*`run_dir`"
    ):
        checkpoints.read_newest(tmp_path)


@pytest.mark.parametrize("frozen_layers", [0, 2])
def test_weights_and_optimizer_come_back_bit_for_bit(tmp_path, frozen_layers):
    model = staged(frozen_layers)
    scramble(model)
    path = checkpoints.save(tmp_path, model, 7, {})
    other = staged(frozen_layers)

    checkpoints.load_weights(path, other)

    expected = values(model)
    assert len(expected) > 80
    for (name, value), (_, found) in zip(expected, values(other), strict=True):
        assert value.dtype == found.dtype, name
        assert np.array_equal(value, found), name


def test_an_optimizer_that_is_not_built_yet_is_loaded_too(tmp_path):
    model = staged(0)
    scramble(model)
    path = checkpoints.save(tmp_path, model, 7, {})
    other = freezing.build_model()
    other.compile(keras.optimizers.AdamW(1e-2))

    checkpoints.load_weights(path, other)

    assert int(other.optimizer.iterations) == int(model.optimizer.iterations)


@pytest.mark.parametrize(("saved", "loaded"), [(1, 0), (0, 1), (1, 2)])
def test_another_stage_is_refused(tmp_path, saved, loaded):
    path = checkpoints.save(tmp_path, staged(saved), 7, {})

    with pytest.raises(ValueError, match="another stage, optimizer"):
        checkpoints.load_weights(path, staged(loaded))


def test_another_optimizer_is_refused(tmp_path):
    path = checkpoints.save(tmp_path, staged(1), 7, {})
    other = staged(1, keras.optimizers.SGD(1e-2, momentum=0.9))

    with pytest.raises(ValueError, match="another stage, optimizer"):
        checkpoints.load_weights(path, other)


def test_another_network_is_refused(tmp_path, model):
    path = checkpoints.save(tmp_path, model, 7, {})

    with pytest.raises(ValueError, match="optimizer or network"):
        checkpoints.load_weights(path, staged(0))


def test_nothing_is_pickled(tmp_path, model, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("pickle was used")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)

    path = checkpoints.save(tmp_path, model, 7, {})
    checkpoints.load_weights(path, model)


def test_arrays_come_back_as_they_were(tmp_path, model):
    arrays = {"a/b": np.arange(6, dtype="float32").reshape(2, 3)}

    path = checkpoints.save(tmp_path, model, 7, {}, arrays=arrays)

    found = checkpoints.read_arrays(path)
    assert list(found) == ["a/b"]
    np.testing.assert_array_equal(found["a/b"], arrays["a/b"])


def test_no_code_is_run_from_arrays(tmp_path, model):
    path = checkpoints.save(tmp_path, model, 7, {})
    np.savez(path / ARRAYS, bad=np.array([print], dtype=object))

    with pytest.raises(ValueError, match="arrays.npz cannot be read"):
        checkpoints.read_arrays(path)
