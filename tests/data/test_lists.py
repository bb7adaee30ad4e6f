import os

import pytest

from layerlock.data import lists

HARD = ["a b.mp4", "a, b.mp4", "dot;semi.mp4", 'say "hi".mp4', "c.mp4"]


@pytest.fixture
def folder(tmp_path):
    for name in HARD:
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def read(folder, text, name="list.txt"):
    place = folder / name
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [
        (os.path.relpath(entry.path, folder), entry.label)
        for entry in lists.read(str(place))
    ]


def test_names_with_spaces_commas_and_quotes_are_whole(folder):
    assert read(folder, "\n".join(HARD)) == [(name, None) for name in HARD]


@pytest.mark.parametrize("separator", [" ", ",", "\t", ";", "::", ", "])
def test_a_label_is_what_is_behind_a_file(folder, separator):
    text = "\n".join(f"{name}{separator}{n}" for n, name in enumerate(HARD))

    assert read(folder, text) == [(name, str(n)) for n, name in enumerate(HARD)]


def test_a_label_may_have_several_words(folder):
    text = 'c.mp4,pushing a cup\na b.mp4,"cup, pushed"'

    assert read(folder, text, "list.csv") == [
        ("c.mp4", "pushing a cup"),
        ("a b.mp4", "cup, pushed"),
    ]


def test_a_path_may_be_in_quotes_as_pandas_writes_it(folder):
    text = '"a b.mp4" 0\n"a, b.mp4","x"\n"say ""hi"".mp4" 2\n"c.mp4" 0\n'

    assert read(folder, text) == [
        ("a b.mp4", "0"),
        ("a, b.mp4", "x"),
        ('say "hi".mp4', "2"),
        ("c.mp4", "0"),
    ]


def test_lines_of_videomae_for_pre_training_have_no_label(folder):
    assert read(folder, "c.mp4 0 -1\na b.mp4 0 -1\n") == [
        ("c.mp4", None),
        ("a b.mp4", None),
    ]


def test_of_a_missing_video_path_and_label_are_told_apart_too(folder):
    text = "c.mp4 3\ngone/x y.webm 4\n"

    assert read(folder, text) == [("c.mp4", "3"), ("gone/x y.webm", "4")]


def test_a_missing_picture_has_its_label_too(folder):
    text = "c.mp4 3\ngone/2.jpg 4\n"

    assert read(folder, text) == [("c.mp4", "3"), ("gone/2.jpg", "4")]


@pytest.mark.parametrize("separator", ",;\t")
def test_further_columns_are_no_part_of_a_label(folder, separator):
    text = "path,label,split\nc.mp4,dog,train\n".replace(",", separator)

    with pytest.raises(ValueError, match="has 3 columns.*remove the others"):
        read(folder, text, "list.csv")


def test_a_row_of_names_is_no_video(folder):
    text = "video_path,label\nc.mp4,run\n"

    assert read(folder, text, "list.csv") == [("c.mp4", "run")]


def test_a_first_line_whose_video_is_missing_is_kept(folder):
    assert read(folder, "gone.mp4 0\nc.mp4 1") == [
        ("gone.mp4", "0"),
        ("c.mp4", "1"),
    ]
    assert read(folder, "clips/gone\nc.mp4") == [
        ("clips/gone", None),
        ("c.mp4", None),
    ]


def test_a_comment_is_no_file_unless_there_is_one(folder):
    (folder / "#1.mp4").write_bytes(b"")

    assert read(folder, "# mine\n#1.mp4\n#2.mp4\n") == [("#1.mp4", None)]


@pytest.mark.parametrize("letter", ["\x85", "\u2028", "\x0b", "\xa0", "\x1c"])
def test_a_name_with_a_rare_character_is_not_split(tmp_path, letter):
    names = [f"a{letter}b.mp4", f"{letter}c{letter}"]
    for name in names:
        (tmp_path / name).write_bytes(b"")

    assert read(tmp_path, "\r\n".join(names)) == [
        (name, None) for name in names
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]
)
def test_a_list_in_another_encoding_names_the_files(tmp_path, encoding):
    (tmp_path / "één café.mp4").write_bytes(b"")

    text = "één café.mp4 schön".encode(encoding)

    assert read(tmp_path, text) == [("één café.mp4", "schön")]


def test_a_label_in_another_encoding_is_read(folder):
    assert read(folder, b"c.mp4 sch\xf6n") == [("c.mp4", "schön")]


def test_a_name_that_is_not_utf_8_is_found_by_its_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    try:
        (tmp_path / name).write_bytes(b"")
    except OSError:
        pytest.skip("this disk takes names in UTF-8 only")

    assert read(tmp_path, b"caf\xe9.mp4 3") == [(name, "3")]


def test_accents_may_be_stored_as_two_characters(tmp_path):
    (tmp_path / "cafe\u0301.mp4").write_bytes(b"")

    [(name, label)] = read(tmp_path, "caf\xe9.mp4 3")

    assert os.path.exists(tmp_path / name)
    assert label == "3"


@pytest.mark.parametrize(
    "text, message",
    [
        (b"c.mp4\ngr\xfcn.mp4", r"Line 2 of .*list.txt is not UTF-8.*gr\\xfcn"),
        (b"c.mp4 3\na b.mp4", "Line 2 of .*list.txt has no label, and line 1"),
        (b"c.mp4 0 12 3", "Line 1 of .*list.txt has 3 values after the path"),
        (b"c.mp4,12,jump", "Line 1 of .*list.txt has 2 values.*prepare"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_a_cure(folder, text, message):
    with pytest.raises(ValueError, match=message):
        read(folder, text)
