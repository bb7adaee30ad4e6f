import pytest

from layerlock.data import text_files

TEXT = "één.mp4\r\na\x85b\u2028c\x0bd\n\rlast"
LINES = ["één.mp4", "a\x85b\u2028c\x0bd", "", "last"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lines_end_at_line_feeds_and_carriage_returns_only(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_bytes(TEXT.encode(encoding))

    assert text_files.lines(path) == LINES


def test_bytes_that_are_not_utf_8_are_kept(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"caf\xe9\n")

    [line, _] = text_files.lines(path)

    assert line.encode("utf-8", "surrogateescape") == b"caf\xe9"
    assert text_files.from_windows(line) == "café"


@pytest.mark.parametrize(
    "content, message",
    [
        ("a\nb".encode("utf-16-le"), "list.txt.*zero bytes.*Save it as UTF-8"),
        (b"\xff\xfea", "list.txt.*begins like.*UTF-16.*Save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    path = tmp_path / "list.txt"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=message):
        text_files.lines(path)
