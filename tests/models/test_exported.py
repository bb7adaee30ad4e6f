import json
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import layerlock
from layerlock.models import VideoEncoder, exported
from tests.marks import thorough_on
from tests.models import networks

FRESH_PROCESS = """
import sys
import numpy as np
import keras
import layerlock.models

clips = np.load(sys.argv[1])
encoders = [
    keras.saving.load_model(sys.argv[2]),
    layerlock.models.VideoEncoder.from_preset(sys.argv[3]),
]
for encoder in encoders:
    features = encoder.features(clips)["block_4"]
    np.save(sys.argv[4], keras.ops.convert_to_numpy(features))
    expected = np.load(sys.argv[5])
    assert np.array_equal(np.load(sys.argv[4]), expected)
"""


@pytest.fixture
def encoder():
    return networks.small_encoder(positions="learned", name="mine")


def features(encoder):
    output = encoder.features(networks.clips())["block_4"]
    return networks.numpy(keras.ops.cast(output, "float32"))


def test_a_folder_holds_what_it_takes(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "runs" / "encoder")

    again = VideoEncoder.from_preset(tmp_path / "runs" / "encoder")

    assert os.listdir(tmp_path / "runs") == ["encoder"]
    assert sorted(os.listdir(tmp_path / "runs" / "encoder")) == [
        "config.json",
        "encoder.weights.h5",
    ]
    assert again.get_config() == encoder.get_config()
    np.testing.assert_array_equal(features(again), features(encoder))


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_a_keras_file_holds_what_it_takes(kind, tmp_path):
    encoder = networks.small_encoder(positions=kind)
    encoder.save(tmp_path / "encoder.keras")

    for again in (
        keras.saving.load_model(tmp_path / "encoder.keras"),
        VideoEncoder.from_preset(tmp_path / "encoder.keras"),
    ):
        assert again.get_config() == encoder.get_config()
        np.testing.assert_array_equal(features(again), features(encoder))


@thorough_on("tensorflow")
def test_a_fresh_process_loads_with_the_models_alone(encoder, tmp_path):
    np.save(tmp_path / "clips.npy", networks.clips())
    np.save(tmp_path / "features.npy", features(encoder))
    encoder.save(tmp_path / "encoder.keras")
    encoder.save_to_preset(tmp_path / "encoder")

    subprocess.run(
        [
            sys.executable,
            "-c",
            FRESH_PROCESS,
            tmp_path / "clips.npy",
            tmp_path / "encoder.keras",
            tmp_path / "encoder",
            tmp_path / "again.npy",
            tmp_path / "features.npy",
        ],
        check=True,
        cwd=os.getcwd(),
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )


def test_frozen_layers_are_exported_like_others(encoder, tmp_path):
    for layers in encoder.freezable_layers[:2]:
        for layer in layers:
            layer.trainable = False
    encoder.save_to_preset(tmp_path / "encoder")
    encoder.save(tmp_path / "encoder.keras")

    for path in ("encoder", "encoder.keras"):
        again = VideoEncoder.from_preset(tmp_path / path)
        np.testing.assert_array_equal(features(again), features(encoder))


@pytest.mark.parametrize("path", ["encoder", "encoder.keras"])
def test_precision_and_remat_may_change_on_the_way(encoder, tmp_path, path):
    encoder.save_to_preset(tmp_path / "encoder")
    encoder.save(tmp_path / "encoder.keras")

    again = VideoEncoder.from_preset(
        tmp_path / path, dtype="mixed_bfloat16", pixel_std=0.3
    )

    assert again.dtype_policy.name == "mixed_bfloat16"
    assert again.pixel_std == 0.3
    for mine, other in zip(again.weights, encoder.weights, strict=True):
        np.testing.assert_array_equal(
            networks.numpy(mine), networks.numpy(other)
        )


def test_bfloat16_weights_survive_the_folder(tmp_path):
    encoder = networks.small_encoder(dtype="bfloat16")
    encoder.save_to_preset(tmp_path / "encoder")

    again = VideoEncoder.from_preset(tmp_path / "encoder")

    assert again.dtype_policy.name == "bfloat16"
    np.testing.assert_array_equal(features(again), features(encoder))


def test_an_override_that_moves_the_weights_is_refused(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")

    with pytest.raises(ValueError, match=r"its own \['mlp_dim'\]"):
        VideoEncoder.from_preset(tmp_path / "encoder", mlp_dim=80)


def test_an_existing_folder_is_replaced_only_on_request(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")
    other = networks.small_encoder(positions="none")

    with pytest.raises(ValueError, match="overwrite=True"):
        other.save_to_preset(tmp_path / "encoder")
    other.save_to_preset(tmp_path / "encoder", overwrite=True)

    assert VideoEncoder.from_preset(tmp_path / "encoder").positions == "none"
    assert os.listdir(tmp_path) == ["encoder"]


@pytest.mark.parametrize("override", [{"num_layers": 2}, {"num_heads": 6}])
def test_an_override_that_is_another_network_is_refused(
    encoder, tmp_path, override
):
    encoder.save_to_preset(tmp_path / "encoder")

    with pytest.raises(ValueError, match=next(iter(override))):
        VideoEncoder.from_preset(tmp_path / "encoder", **override)


def test_a_pretrained_model_gives_its_teacher_all_of_it_trainable(tmp_path):
    encoder = networks.small_encoder(num_decoder_layers=0)
    model = layerlock.MaskedPretraining(
        encoder, "vjepa", mask=layerlock.RandomMask(0.5)
    )
    model.enter_stage(1)
    encoder.blocks[0].trainable = False
    networks.randomise(encoder.blocks[2], seed=5)
    model.save(tmp_path / "model.keras")

    loaded = VideoEncoder.from_preset(tmp_path / "model.keras")

    assert len(loaded.trainable_variables) == len(loaded.variables)
    for a, b in zip(
        model.teacher.blocks[2].variables,
        loaded.blocks[2].variables,
        strict=True,
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(
        loaded.blocks[2].variables[2].numpy(),
        encoder.blocks[2].variables[2].numpy(),
    )


def test_another_model_is_no_encoder(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")

    with pytest.raises(ValueError, match="contains a Sequential"):
        VideoEncoder.from_preset(tmp_path / "model.keras")


def test_an_interrupt_between_two_renames_loses_nothing(
    encoder, tmp_path, monkeypatch
):
    encoder.save_to_preset(tmp_path / "encoder")
    rename = pathlib.Path.rename

    def interrupted(path, target):
        if path.name == ".writing_encoder":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        encoder.save_to_preset(tmp_path / "encoder", overwrite=True)
    monkeypatch.undo()

    assert VideoEncoder.from_preset(tmp_path / "encoder").name == "mine"
    assert os.listdir(tmp_path) == ["encoder"]


@pytest.fixture
def killed(monkeypatch):
    """A function that saves and is killed at a rename: nothing is tidied."""

    def save(encoder, path, before):
        rename = pathlib.Path.rename

        def interrupted(source, target):
            if source.name == before:
                raise KeyboardInterrupt
            return rename(source, target)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(pathlib.Path, "rename", interrupted)
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)
            encoder.save_to_preset(path, overwrite=True)

    return save


def test_the_draft_of_a_killed_save_is_replaced(encoder, tmp_path, killed):
    killed(encoder, tmp_path / "encoder", before=".writing_encoder")
    assert os.listdir(tmp_path) == [".writing_encoder"]
    (tmp_path / ".writing_encoder" / "half").write_bytes(b"")

    encoder.save_to_preset(tmp_path / "encoder")

    assert os.listdir(tmp_path) == ["encoder"]
    assert sorted(os.listdir(tmp_path / "encoder")) == [
        "config.json",
        "encoder.weights.h5",
    ]


@pytest.fixture
def out_of_the_way(encoder, tmp_path):
    """An encoder and a note, as a kill between two renames leaves them."""
    encoder.save_to_preset(tmp_path / "encoder")
    (tmp_path / "encoder" / "README").write_text("the good one")
    (tmp_path / "encoder").rename(tmp_path / ".replaced_encoder")
    (tmp_path / ".writing_encoder").mkdir()
    return tmp_path / "encoder"


def test_what_was_out_of_the_way_at_a_kill_can_be_read(out_of_the_way):
    assert exported.read_config(out_of_the_way)["positions"] == "learned"
    assert VideoEncoder.from_preset(out_of_the_way).name == "mine"


def test_what_was_out_of_the_way_at_a_kill_is_not_lost(out_of_the_way):
    other = networks.small_encoder(positions="none")

    with pytest.raises(ValueError, match="overwrite=True"):
        other.save_to_preset(out_of_the_way)
    assert VideoEncoder.from_preset(out_of_the_way).name == "mine"
    assert os.listdir(out_of_the_way.parent) == ["encoder"]

    other.save_to_preset(out_of_the_way, overwrite=True)
    assert VideoEncoder.from_preset(out_of_the_way).positions == "none"
    assert (out_of_the_way / "README").read_text() == "the good one"


def test_what_was_replaced_before_a_kill_goes(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")
    shutil.copytree(tmp_path / "encoder", tmp_path / ".replaced_encoder")

    encoder.save_to_preset(tmp_path / "encoder", overwrite=True)

    assert os.listdir(tmp_path) == ["encoder"]


def test_a_link_goes_on_to_lead_to_the_encoder(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "disk" / "encoder")
    link = tmp_path / "encoder"
    link.symlink_to(tmp_path / "disk" / "encoder")

    for _ in range(2):
        encoder.save_to_preset(link, overwrite=True)

    assert link.is_symlink()
    assert os.listdir(tmp_path / "disk") == ["encoder"]
    assert VideoEncoder.from_preset(link).name == "mine"


def test_a_folder_with_other_files_is_never_replaced(encoder, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(ValueError, match="thesis.tex"):
        encoder.save_to_preset(tmp_path, overwrite=True)

    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_note_beside_an_encoder_is_kept(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")
    (tmp_path / "encoder" / "README").write_text("the good one")
    (tmp_path / "encoder" / "plots").mkdir()
    (tmp_path / "encoder" / "plots" / "a.txt").write_text("a")

    networks.small_encoder(positions="none").save_to_preset(
        tmp_path / "encoder", overwrite=True
    )

    assert (tmp_path / "encoder" / "README").read_text() == "the good one"
    assert (tmp_path / "encoder" / "plots" / "a.txt").read_text() == "a"
    assert VideoEncoder.from_preset(tmp_path / "encoder").positions == "none"


def test_a_failure_leaves_what_was_there(encoder, tmp_path, monkeypatch):
    encoder.save_to_preset(tmp_path / "encoder")
    other = networks.small_encoder(positions="none")

    def fail(file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(other, "save_weights", fail)
    with pytest.raises(OSError, match="No space"):
        other.save_to_preset(tmp_path / "encoder", overwrite=True)

    assert os.listdir(tmp_path) == ["encoder"]
    assert VideoEncoder.from_preset(tmp_path / "encoder").name == "mine"


def test_an_incomplete_folder_is_refused_with_what_it_lacks(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")
    (tmp_path / "encoder" / "encoder.weights.h5").unlink()

    with pytest.raises(ValueError, match="encoder.weights.h5 is missing"):
        VideoEncoder.from_preset(tmp_path / "encoder")


def test_only_an_encoder_is_read_from_a_configuration(encoder, tmp_path):
    encoder.save_to_preset(tmp_path / "encoder")
    path = tmp_path / "encoder" / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "class_name": "Lambda"}))

    with pytest.raises(ValueError, match="describes 'Lambda'"):
        VideoEncoder.from_preset(tmp_path / "encoder")


def test_weights_that_are_not_those_that_were_written_are_refused(
    encoder, tmp_path
):
    path = tmp_path / "encoder"
    encoder.save_to_preset(path)
    content = bytearray((path / exported.WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (path / exported.WEIGHTS).write_bytes(content)

    with pytest.raises(ValueError, match="does not match its checksum"):
        VideoEncoder.from_preset(path)


def test_an_encoder_without_a_checksum_is_loaded(encoder, tmp_path):
    path = tmp_path / "encoder"
    encoder.save_to_preset(path)
    content = json.loads((path / exported.CONFIG).read_text())
    del content["sha256"]
    (path / exported.CONFIG).write_text(json.dumps(content))

    assert VideoEncoder.from_preset(path).name == "mine"


@pytest.mark.parametrize("name", [exported.CONFIG, exported.WEIGHTS])
def test_what_is_left_of_an_encoder_is_replaced(encoder, tmp_path, name):
    path = tmp_path / "encoder"
    encoder.save_to_preset(path)
    (path / name).unlink()

    encoder.save_to_preset(path, overwrite=True)

    assert VideoEncoder.from_preset(path).name == "mine"


def test_the_configuration_of_something_else_is_not_replaced(encoder, tmp_path):
    path = tmp_path / "other"
    path.mkdir()
    (path / exported.CONFIG).write_text('{"model_type": "llama"}')

    with pytest.raises(ValueError, match="contains no encoder"):
        encoder.save_to_preset(path, overwrite=True)

    assert os.listdir(path) == [exported.CONFIG]


@pytest.mark.parametrize("ending", ["", ".keras"])
def test_a_path_with_a_zero_byte_is_refused(ending):
    with pytest.raises(ValueError, match="has a zero byte"):
        VideoEncoder.from_preset(f"a\0b{ending}")


@pytest.mark.parametrize("name", ["student", "predictor.json", "readout.json"])
def test_what_belongs_to_the_old_weights_is_not_kept(encoder, tmp_path, name):
    """A run would go on with the old student, and say nothing."""
    folder = tmp_path / "encoder"
    encoder.save_to_preset(folder)
    (folder / name).write_text("of the old one")

    with pytest.raises(ValueError, match=f"also contains .*{name}"):
        encoder.save_to_preset(folder, overwrite=True)

    assert (folder / name).read_text() == "of the old one"


@pytest.mark.parametrize("file", ["folder", "keras"])
def test_learned_positions_are_loaded_for_other_clips(tmp_path, file):
    encoder = networks.small_encoder(positions="learned")
    place = tmp_path / ("folder" if file == "folder" else "a.keras")
    (encoder.save_to_preset if file == "folder" else encoder.save)(place)

    larger = VideoEncoder.from_preset(place, clip_shape=(8, 24, 32))

    assert larger.clip_shape == (8, 24, 32)
    clips = networks.clips(shape=(8, 24, 32))
    # Called with other clips, an encoder interpolates its positions itself.
    expected = networks.numpy(encoder.features(clips)["block_4"])
    networks.assert_close(larger.features(clips)["block_4"], expected)
