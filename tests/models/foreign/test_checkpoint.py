import json
import os

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models.foreign import files, videomae_files, vjepa_files

ARRAYS = {"a": np.ones(3, "float32")}
SHARDS = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]


def test_a_folder_without_weights_lists_what_it_has(tmp_path):
    (tmp_path / "notes.txt").write_text("")

    with pytest.raises(ValueError, match=r"has no weights.*notes\.txt"):
        foreign.read(tmp_path)


def test_a_folder_of_several_files_is_no_guess(tmp_path):
    for name in ("a", "b"):
        files.write_safetensors(tmp_path / f"{name}.safetensors", ARRAYS)

    with pytest.raises(ValueError, match="several files"):
        foreign.read(tmp_path)


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    (tmp_path / "a.onnx").write_text("")

    with pytest.raises(ValueError, match=r"ends in '\.onnx'"):
        foreign.read(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    "shard, message",
    [
        ("../other.safetensors", "names of files in the same folder"),
        ("gone.safetensors", "is missing"),
        ({"a": 1}, "an object from names to files"),
        (None, "an object from names to files"),
    ],
)
def test_shards_lie_beside_their_index(tmp_path, shard, message):
    index = {"weight_map": {"a": shard}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))

    with pytest.raises(ValueError, match=message):
        foreign.read(tmp_path)


def test_an_array_that_the_index_names_must_be_there(tmp_path):
    files.write_safetensors(tmp_path / "a.safetensors", ARRAYS)
    index = {"weight_map": {"a": "a.safetensors", "b": "a.safetensors"}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))

    with pytest.raises(ValueError, match=r"have no arrays \['b'\]"):
        foreign.read(tmp_path)


def test_an_array_in_two_shards_is_refused(tmp_path):
    for name in ("a", "b"):
        files.write_safetensors(tmp_path / f"{name}.safetensors", ARRAYS)
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))

    with pytest.raises(ValueError, match="in two files"):
        foreign.read(tmp_path)


def test_wrong_entries_of_a_configuration_are_named(tmp_path):
    start = "encoder.embeddings.patch_embeddings.proj.weight"
    folder = files.write_folder(
        tmp_path / "model",
        {start: np.ones((8, 3, 2, 4, 4), "float32")},
        {"num_attention_heads": "many"},
    )

    with pytest.raises(ValueError, match="'num_attention_heads' in config"):
        foreign.read(folder)


def with_pixels(folder, pixels):
    return files.write_folder(
        folder,
        vjepa_files.plain(vjepa_files.encoder(0)),
        {},
        preprocessor_config=pixels,
    )


@pytest.mark.parametrize(
    "pixels, message",
    [
        ({"image_mean": [1, 2]}, "'image_mean' in"),
        ({"rescale_factor": 1 / 127.5}, "scales pixels by"),
        ({"do_rescale": False}, "scales pixels by"),
    ],
)
def test_statistics_of_pixels_are_checked(tmp_path, pixels, message):
    with pytest.raises(ValueError, match=message):
        foreign.read(with_pixels(tmp_path / "model", pixels), num_heads=3)


def test_pixels_may_be_left_as_they_are(tmp_path):
    folder = with_pixels(tmp_path / "model", {"do_normalize": False})

    encoder = foreign.read(folder, num_heads=3).encoder

    assert (encoder.pixel_mean, encoder.pixel_std) == (0.0, 1.0)


def shards(folder, changes=()):
    """A folder in two files, with an index that names them."""
    arrays = videomae_files.of_transformers(videomae_files.encoder())
    files.write_folder(folder, {}, videomae_files.CONFIG)
    (folder / "model.safetensors").unlink()
    places = {}
    for number, name in enumerate(arrays):
        places[name] = SHARDS[number % 2]
    for shard in SHARDS:
        part = {k: v for k, v in arrays.items() if places[k] == shard}
        files.write_safetensors(folder / shard, part)
    content = {"metadata": {}, "weight_map": places | dict(changes)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    return folder


def test_shards_are_one_model(tmp_path):
    encoder = foreign.read(shards(tmp_path / "a")).encoder

    kernel = encoder.patch_embedding.kernel.numpy()
    stored = videomae_files.encoder()["patch_embed.proj.weight"]
    expected = stored.transpose(2, 3, 4, 1, 0).reshape(kernel.shape)
    np.testing.assert_array_equal(kernel, expected)


@pytest.mark.parametrize(
    "place",
    [
        "../secret.safetensors",
        "/tmp/secret.safetensors",
        "..",
        "a/b.safetensors",
        "a\\b.safetensors",
    ],
)
def test_an_index_never_leaves_its_folder(tmp_path, place):
    files.write_safetensors(tmp_path / "secret.safetensors", {})
    folder = shards(tmp_path / "a", {"layernorm.weight": place})

    with pytest.raises(ValueError, match="files in the same folder"):
        foreign.read(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name")
def test_a_pipe_is_no_file(tmp_path):
    """To read from it would wait for ever."""
    os.mkfifo(tmp_path / "model.safetensors")

    with pytest.raises(ValueError, match="has no weights"):
        foreign.read(tmp_path)
