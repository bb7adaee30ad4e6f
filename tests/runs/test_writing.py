import json
import math

import numpy as np
import pytest

from layerlock.runs import writing


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    writing.replace_file(path, b"old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(writing.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        writing.replace_file(path, b"new")

    assert path.read_bytes() == b"old"


def test_nothing_temporary_is_left(tmp_path):
    writing.write_json(tmp_path / "config.json", {"steps": 3})

    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_processes_that_write_one_file_do_not_take_each_other_s(
    tmp_path, monkeypatch
):
    path, replace = tmp_path / "README.md", writing.os.replace

    def late(temporary, final):
        monkeypatch.setattr(writing.os, "replace", replace)
        with monkeypatch.context() as other:
            other.setattr(writing.os, "getpid", lambda: -1)
            writing.replace_file(path, b"theirs", is_shared=True)
        replace(temporary, final)

    monkeypatch.setattr(writing.os, "replace", late)
    writing.replace_file(path, b"ours", is_shared=True)

    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_comes_back(value):
    line = writing.encode_metrics({"step": 1, "loss": np.float32(value)})

    assert repr(writing.decode_metrics(line)["loss"]) == repr(value)


def test_every_line_is_strict_json():
    def refuse(constant):
        raise AssertionError(constant)

    line = writing.encode_metrics({"step": 1, "loss": math.nan, "flops": 1e30})

    assert json.loads(line, parse_constant=refuse)["loss"] is None


def test_none_stays_none():
    line = writing.encode_metrics({"step": 1, "target_layer": None})

    assert json.loads(line) == {"step": 1, "target_layer": None}


def test_a_float_keeps_all_its_bits():
    loss = 0.1 + 0.2

    line = writing.encode_metrics({"loss": loss})

    assert writing.decode_metrics(line)["loss"] == loss


def test_file_names_that_are_not_utf_8_come_back_from_json(tmp_path):
    name = "caf\udce9.mp4"

    writing.write_json(tmp_path / "files.json", {"path": name})

    text = (tmp_path / "files.json").read_bytes().decode("ascii")
    assert json.loads(text) == {"path": name}


def test_a_text_is_written_with_escapes_for_what_utf_8_lacks(tmp_path):
    writing.write_text(tmp_path / "page.html", "<p>\ncaf\udce9 ü\n")

    content = (tmp_path / "page.html").read_bytes()
    assert content == "<p>\ncaf\\xe9 ü\n".encode()


def test_numpy_values_and_paths_become_plain(tmp_path):
    value = {
        "count": np.int64(3),
        "array": np.arange(2.0),
        "path": tmp_path,
        "tuple": (1, True),
    }

    assert writing.plain(value) == {
        "count": 3,
        "array": [0.0, 1.0],
        "path": str(tmp_path),
        "tuple": [1, True],
    }


def test_an_unfinished_line_is_not_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st')

    assert writing.read_lines(path) == [b'{"step": 1}']
