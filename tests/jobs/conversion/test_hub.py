"""Uploads: what the Hub is asked for. Nothing leaves the machine."""

import pytest

from layerlock.jobs.conversion import hub
from layerlock.jobs.job import JobError

library = pytest.importorskip("huggingface_hub")


class Api:
    """Records what would be uploaded."""

    calls = []
    there = ()

    def create_repo(self, repository, private, exist_ok):
        assert private and exist_ok
        self.calls.append(repository)
        return f"https://huggingface.co/{repository}"

    def file_exists(self, repo_id, filename):
        return filename in self.there

    def upload_folder(self, repo_id, folder_path, ignore_patterns):
        self.calls.append((repo_id, folder_path.name, *ignore_patterns))

    def upload_file(self, repo_id, path_or_fileobj, path_in_repo):
        self.calls.append((repo_id, path_or_fileobj.name, path_in_repo))


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(Api, "calls", [])
    monkeypatch.setattr(library, "HfApi", Api)
    return Api.calls


def test_a_folder_is_uploaded_whole(calls, tmp_path):
    address = hub.push(tmp_path / "out", [], "me/encoder")

    assert address == "https://huggingface.co/me/encoder"
    assert calls == ["me/encoder", ("me/encoder", "out")]


def test_a_file_is_uploaded_with_its_card(calls, tmp_path):
    pairs = [(tmp_path / "a.onnx", "a.onnx"), (tmp_path / "a.md", "README.md")]

    hub.push(tmp_path / "a.onnx", pairs, "me/encoder")

    assert calls == [
        "me/encoder",
        ("me/encoder", "a.onnx", "a.onnx"),
        ("me/encoder", "a.md", "README.md"),
    ]


@pytest.mark.parametrize("is_file", [True, False])
def test_a_card_that_the_repository_has_is_kept(
    calls, tmp_path, monkeypatch, is_file
):
    monkeypatch.setattr(Api, "there", ("README.md",))
    pairs = [(tmp_path / "a.onnx", "a.onnx"), (tmp_path / "a.md", "README.md")]

    said = hub.push(tmp_path / "out", pairs if is_file else [], "me/encoder")

    assert "has a README.md, which was kept" in said
    uploaded = ("a.onnx", "a.onnx") if is_file else ("out", "README.md")
    assert calls == ["me/encoder", ("me/encoder", *uploaded)]


def test_a_refusal_ends_with_a_sentence(calls, tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise library.errors.LocalTokenNotFoundError("No token.")

    monkeypatch.setattr(Api, "create_repo", refuse)

    with pytest.raises(JobError, match="written, but not uploaded to me/b"):
        hub.push(tmp_path, [], "me/b")


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ImportError, match=r'pip install "layerlock\[hub\]"'):
        hub.check_ready()


@pytest.mark.parametrize("token", [None, "hf_x"])
def test_a_missing_token_is_told_before_the_work(monkeypatch, token):
    monkeypatch.setattr(library, "get_token", lambda: token)

    if token:
        hub.check_ready()
    else:
        with pytest.raises(ValueError, match="hf auth login"):
            hub.check_ready()
