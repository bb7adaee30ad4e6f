"""Nothing is overwritten, and nothing incomplete lies at its place."""

import pytest

from layerlock.jobs.conversion import placing


@pytest.mark.parametrize("taken", ["a.onnx", "a.md", "a.onnx.data"])
def test_a_file_that_exists_is_not_replaced(tmp_path, taken):
    (tmp_path / taken).write_text("mine")

    with pytest.raises(ValueError, match="Nothing is overwritten"):
        placing.check_free(tmp_path / "a.onnx", ".onnx")


def test_a_folder_with_files_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    placing.check_free(tmp_path / "a", "")
    (tmp_path / "a" / "notes").write_text("mine")

    with pytest.raises(ValueError, match="out=.*contains notes"):
        placing.check_free(tmp_path / "a", "")


def test_a_file_is_moved_with_what_lies_beside_it(tmp_path):
    out = tmp_path / "new" / "a.onnx"

    with placing.draft(out) as folder:
        for name in ("a.onnx", "a.md", "a.onnx.data"):
            (folder / name).write_text(name)
        placing.place(folder / "a.onnx", out, ".onnx")

    assert {p.name: p.read_text() for p in out.parent.iterdir()} == {
        name: name for name in ("a.onnx", "a.md", "a.onnx.data")
    }


def test_a_folder_takes_the_place_of_an_empty_one(tmp_path):
    out = tmp_path / "a"
    out.mkdir()

    with placing.draft(out) as folder:
        (folder / "a").mkdir()
        (folder / "a" / "file").write_text("new")
        placing.place(folder / "a", out, "")

    assert (out / "file").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_nothing(tmp_path):
    def fail():
        with placing.draft(tmp_path / "a") as folder:
            (folder / "a").write_text("half")
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError):
        fail()

    assert not list(tmp_path.iterdir())


def test_what_a_killed_conversion_left_is_removed(tmp_path):
    left = tmp_path / ".converting_a"
    left.mkdir()
    (left / "half").write_text("half")

    with placing.draft(tmp_path / "a") as folder:
        assert not list(folder.iterdir())


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    out = tmp_path / "a.onnx"

    def write():
        with placing.draft(out) as folder:
            (folder / "a.onnx").write_text("new")
            out.write_text("mine")
            placing.place(folder / "a.onnx", out, ".onnx")

    with pytest.raises(ValueError, match="Nothing is overwritten"):
        write()

    assert out.read_text() == "mine"


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path):
    disk, out = tmp_path / "disk", tmp_path / "a"
    disk.mkdir()
    out.symlink_to(disk)

    with placing.draft(out) as folder:
        (folder / "a").mkdir()
        (folder / "a" / "file").write_text("new")
        placing.place(folder / "a", out, "")

    assert out.is_symlink() and (disk / "file").read_text() == "new"
