import os

from layerlock.data.walk import walk


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def found(folder, repeated=None):
    return [
        os.path.relpath(os.path.join(parent, name), folder)
        for parent, _, names in walk(folder, repeated)
        for name in names
    ]


def test_files_come_in_the_order_of_their_names_without_hidden_ones(tmp_path):
    touch(tmp_path, "b", "a", "z/c", "m/d", ".e", ".f/g")

    assert found(tmp_path) == ["a", "b", "m/d", "z/c"]


def test_many_loops_of_links_end(tmp_path):
    for name in "abcdefgh":
        touch(tmp_path, f"{name}/{name}.mp4")
    for name in "abcdefgh":
        for other in "abcdefgh":
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other)
    (tmp_path / "all").symlink_to(tmp_path)

    assert found(tmp_path) == [f"{name}/{name}.mp4" for name in "abcdefgh"]


def test_a_folder_is_read_at_its_own_place_and_not_at_a_link(tmp_path):
    touch(tmp_path, "run/a.mp4")
    (tmp_path / "always_first").symlink_to(tmp_path / "run")
    repeated = []

    assert found(tmp_path, repeated) == ["run/a.mp4"]
    assert repeated == [str(tmp_path / "always_first")]


def test_a_folder_elsewhere_is_read_at_the_first_of_its_links(tmp_path):
    touch(tmp_path, "elsewhere/a.mp4")
    (tmp_path / "videos").mkdir()
    for name in ("two", "one"):
        (tmp_path / "videos" / name).symlink_to(tmp_path / "elsewhere")
    repeated = []

    assert found(tmp_path / "videos", repeated) == ["one/a.mp4"]
    assert repeated == [str(tmp_path / "videos" / "two")]


def test_a_loop_is_no_repetition(tmp_path):
    touch(tmp_path, "run/a.mp4")
    (tmp_path / "run" / "again").symlink_to(tmp_path)
    repeated = []

    assert found(tmp_path, repeated) == ["run/a.mp4"]
    assert repeated == []
