import pytest

from layerlock import json_files


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
)
def test_what_is_not_json_is_named_with_its_file(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="config.json is not JSON"):
        json_files.read(path)


@pytest.mark.parametrize("content", ["[]", "null", "7", '"a"'])
def test_another_type_is_named(content):
    with pytest.raises(ValueError, match="must hold an object"):
        json_files.decode(content, "a file")


def test_a_missing_entry_is_named():
    with pytest.raises(ValueError, match="a file has no 'step'"):
        json_files.check({}, {}, "a file", required=("step",))


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (json_files.WHOLE, [0, 2**62], [-1, 2**63, 1.0, True, "1", None]),
        (json_files.NUMBER, [0, -1.5, float("nan")], [True, "1", 10**400]),
        (json_files.TEXT, ["", "\udc80"], [None, 1, b"a"]),
        (json_files.FLAG, [True, False], [0, None]),
        (json_files.optional(json_files.TEXT), [None, "a"], [1]),
        (json_files.list_of(json_files.WHOLE), [[], [1]], [1, [None], {}]),
        (
            json_files.object_of({"a": json_files.WHOLE}, ["a"]),
            [{"a": 1, "b": None}],
            [{}, {"a": "1"}, []],
        ),
        (
            json_files.one_of(json_files.WHOLE, json_files.TEXT),
            [1, "a"],
            [None, 1.5],
        ),
    ],
)
def test_an_entry_of_another_kind_is_refused(kind, good, bad):
    for value in good:
        json_files.check({"a": value}, {"a": kind}, "a file")
    for value in bad:
        with pytest.raises(ValueError, match="'a' in a file must be"):
            json_files.check({"a": value}, {"a": kind}, "a file")


def test_long_values_are_cut():
    assert len(json_files.shown("a" * 1000)) == 80
    assert "too large" in json_files.shown(10**5000)
