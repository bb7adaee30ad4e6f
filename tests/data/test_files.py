import json
import os

import pytest

from layerlock.data import files
from layerlock.data.files import FileList
from layerlock.data.streams import Facts
from tests.data import synthesise

FACTS = Facts(2.0, 10.0, 64, 48, 0)


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def found(spec):
    root, paths = files.find(spec)
    return [os.path.relpath(path, root) for path in paths]


def file_list(bad=(), count=10, folder=""):
    paths = tuple(f"/videos/{folder}{n}.mp4" for n in range(count))
    results = tuple("broken" if n in bad else FACTS for n in range(count))
    return FileList("/videos", paths, results)


def test_a_folder_is_searched_with_its_sub_folders(tmp_path):
    touch(tmp_path, "b.mp4", "a/z.MKV", "a/b/c.webm", "notes.txt", "x.jpg")

    assert found(tmp_path) == ["a/b/c.webm", "a/z.MKV", "b.mp4"]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touch(tmp_path, "a.mp4", ".b.mp4", "._a.mp4", ".trash/c.mp4")

    assert found(tmp_path) == ["a.mp4"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "elsewhere/a.mp4", "videos/b.mp4")
    (tmp_path / "videos" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "videos" / "self").symlink_to(tmp_path / "videos")

    assert found(tmp_path / "videos") == ["b.mp4", "more/a.mp4"]


def test_a_glob_names_files(tmp_path):
    touch(tmp_path, "one/a.mp4", "one/b.avi", "two/c.mp4", "two/d.txt")

    assert found(f"{tmp_path}/*/*.mp4") == ["one/a.mp4", "two/c.mp4"]
    assert found(f"{tmp_path}/**") == ["one/a.mp4", "one/b.avi", "two/c.mp4"]


def test_a_glob_of_all_sub_folders_matches_at_any_depth(tmp_path):
    touch(tmp_path, "a.mp4", "x/a.mp4", "x/y/b.mp4", "x/y/z/a.mp4", "w/c.avi")

    assert found(f"{tmp_path}/**/a.mp4") == ["a.mp4", "x/a.mp4", "x/y/z/a.mp4"]
    assert found(f"{tmp_path}/*/**/*.mp4") == [
        "x/a.mp4",
        "x/y/b.mp4",
        "x/y/z/a.mp4",
    ]
    assert found(f"{tmp_path}/**/y/**/*.mp4") == ["x/y/b.mp4", "x/y/z/a.mp4"]


def test_a_glob_of_all_sub_folders_ends_at_links_in_circles(tmp_path):
    names = "abcdefgh"
    touch(tmp_path, *(f"{name}/{name}.mp4" for name in names))
    for name in names:
        for other in names:
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other)

    assert found(f"{tmp_path}/**/*.mp4") == [f"{n}/{n}.mp4" for n in names]


def test_a_folder_with_the_characters_of_a_glob_is_a_folder(tmp_path):
    touch(tmp_path, "clips [new]/a.mp4")

    assert found(tmp_path / "clips [new]") == ["a.mp4"]


def test_a_list_names_files_relative_to_itself(tmp_path):
    touch(tmp_path, "lists/a.mp4", "b.mp4")
    place = tmp_path / "lists" / "train.txt"
    place.write_text(f"# my clips\n\n../b.mp4\na.mp4  \n{tmp_path}/b.mp4\n")

    root, paths = files.find(place)

    assert root == str(tmp_path / "lists")
    assert paths == [
        str(tmp_path / "b.mp4"),
        str(tmp_path / "lists" / "a.mp4"),
        str(tmp_path / "b.mp4"),
    ]


def test_one_video_is_a_place_too(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")

    assert found(tmp_path / "a.mp4") == ["a.mp4"]


@pytest.mark.parametrize(
    "spec, message",
    [
        ("missing", "There is nothing at .*missing.* Check the spelling"),
        ("missing.txt", "There is nothing at"),
        ("empty", "There is no video in .*empty.*Expected .*mp4"),
        ("*.mp4", "There is no video in"),
        ("list.txt", "There is no video in"),
    ],
)
def test_a_place_without_videos_is_an_error(tmp_path, spec, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("# nothing\n")

    with pytest.raises(ValueError, match=message):
        files.find(tmp_path / spec)


def test_a_place_without_a_good_video_names_the_reasons(tmp_path):
    pytest.importorskip("av")
    touch(tmp_path, "a.mp4", "b.mp4")

    with pytest.raises(ValueError, match="None of the 2 videos") as error:
        files.list_files(tmp_path, cache=False)

    assert f"{tmp_path / 'a.mp4'}: an empty file" in str(error.value)


def test_good_and_bad_files_are_told_apart(tmp_path):
    pytest.importorskip("av")
    synthesise.write(tmp_path / "b.mp4")
    touch(tmp_path, "a.mp4")

    listed = files.list_files(tmp_path, cache=False)

    assert listed.bad == {str(tmp_path / "a.mp4"): "an empty file"}
    assert listed.good == (1,)
    assert listed.readable(0) == listed.readable(1) == 1


def test_a_bad_file_leaves_all_other_positions_alone():
    before, after = file_list(), file_list(bad=[3])

    assert len(after) == len(before)
    for position in range(10):
        if position != 3:
            assert after.readable(position) == position
    assert after.readable(3) in after.good


def test_bad_files_are_replaced_by_various_good_ones():
    listed = file_list(bad=range(0, 100, 2), count=100)

    replacements = [listed.readable(position) for position in range(0, 100, 2)]

    assert set(replacements) <= set(listed.good)
    assert len(set(replacements)) > 20
    assert replacements == [listed.readable(p) for p in range(0, 100, 2)]


def test_a_list_survives_json():
    listed = file_list(bad=[0, 4])

    text = json.dumps(listed.to_json())
    again = FileList.from_json(json.loads(text))

    assert again == listed
    assert [again.readable(n) for n in range(10)] == [
        listed.readable(n) for n in range(10)
    ]


def test_json_names_bad_files_with_reason_and_replacement():
    listed = file_list(bad=[4])

    (bad,) = listed.to_json()["unreadable"]

    assert bad == {
        "position": 4,
        "path": "/videos/4.mp4",
        "reason": "broken",
        "replacement": listed.paths[listed.readable(4)],
    }
    assert len(listed.to_json()["files"]) == 9


def test_sub_folders_are_classes():
    paths = ("/v/run/a.mp4", "/v/jump/b.mp4", "/v/run/more/c.mp4")
    listed = FileList("/v", paths, (FACTS,) * 3)

    assert listed.class_names == ("jump", "run")
    assert [listed.class_of(n) for n in range(3)] == [1, 0, 1]


@pytest.mark.parametrize("stray", ["/v/stray.mp4", "/elsewhere/x/y.mp4"])
def test_there_are_no_classes_when_a_file_is_outside_of_sub_folders(stray):
    listed = FileList("/v", ("/v/run/a.mp4", stray), (FACTS,) * 2)

    assert listed.class_names == ()
    assert listed.class_of(0) is None


def test_labels_of_a_list_are_classes():
    paths = ("/v/x/a.mp4", "/v/x/b.mp4", "/v/y/c.mp4")
    names = FileList("/v", paths, (FACTS,) * 3, ("run", "jump", "run"))
    numbers = FileList("/v", paths, (FACTS, "broken", FACTS), ("10", "9", "9"))

    assert names.class_names == ("jump", "run")
    assert [names.class_of(n) for n in range(3)] == [1, 0, 1]
    assert numbers.class_names == ("9", "10")
    again = FileList.from_json(json.loads(json.dumps(numbers.to_json())))
    assert again == numbers


def test_files_are_called_by_their_path_below_the_root():
    paths = ("/v/run/a.mp4", "/elsewhere/b.mp4")
    listed = FileList("/v", paths, (FACTS,) * 2)

    assert listed.relative(0) == "run/a.mp4"
    assert listed.relative(1) == "/elsewhere/b.mp4"
