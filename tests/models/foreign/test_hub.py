import pathlib
import sys
import types

import pytest

from layerlock.models import foreign
from layerlock.models.foreign import _hub
from tests.models.foreign import files, vjepa_files


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that holds one model; it notes what it was asked for."""
    folder = tmp_path / "snapshot"
    folder.mkdir()
    asked = []

    def snapshot_download(repository, revision, allow_patterns):
        asked.append((repository, revision, allow_patterns))
        return str(folder)

    module = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return folder, asked


def test_a_model_of_the_hub_is_its_folder(hub):
    folder, asked = hub
    arrays = vjepa_files.plain(vjepa_files.encoder(0))
    files.write_safetensors(folder / "model.safetensors", arrays)

    imported = foreign.read("hf://facebook/vjepa2@main", num_heads=3)

    assert imported.source.path == "hf://facebook/vjepa2@main"
    assert {patterns[1] for *_, patterns in asked} == {"*.safetensors"}
    assert asked[0][:2] == ("facebook/vjepa2", "main")


def test_files_of_pytorch_are_fetched_where_there_are_no_others(hub):
    folder, asked = hub

    assert _hub.local_path("hf://facebook/vjepa2") == pathlib.Path(folder)
    assert [("*.pt" in patterns) for *_, patterns in asked] == [False, True]


@pytest.mark.parametrize("path", ["hf://vjepa2", "hf://a/b/c", "hf://a/b@"])
def test_another_form_of_name_is_refused(path):
    with pytest.raises(ValueError, match="hf://USER/NAME"):
        foreign.read(path)


def test_a_hub_that_fails_is_a_sentence(monkeypatch):
    def fail(*_, **__):
        raise ConnectionError("no network")

    module = types.SimpleNamespace(snapshot_download=fail)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)

    with pytest.raises(ValueError, match="ConnectionError: no network"):
        foreign.read("hf://facebook/vjepa2")


def test_the_library_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(ValueError, match=r'pip install "layerlock\[hub\]"'):
        foreign.read("hf://facebook/vjepa2")
