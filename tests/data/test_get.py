import pytest

from layerlock import data
from layerlock.data.sources.folder import FolderSource
from layerlock.data.sources.scenes import ScenesSource
from tests.data import synthesise


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("av")
    place = tmp_path / "videos"
    place.mkdir()
    synthesise.write(place / "a.mp4")
    (tmp_path / "list.txt").write_text("videos/a.mp4\n")
    return place


def test_a_name_gives_the_source_of_that_name():
    source = data.get("scenes", frames=3, size=8, seed=5)

    assert isinstance(source, ScenesSource)
    assert (source.frames, source.size, source.seed) == (3, 8, 5)


def test_a_source_is_returned_as_it_is():
    source = ScenesSource()

    assert data.get(source) is source


@pytest.mark.parametrize(
    "place", ["videos", "videos/*.mp4", "list.txt", "videos/a.mp4"]
)
def test_a_place_on_disk_gives_the_videos_there(folder, place):
    source = data.get(folder.parent / place, frames=3, size=8, cache=False)

    assert isinstance(source, FolderSource)
    assert len(source) == 1
    assert source.clip(0).shape == (3, 8, 8, 3)


def test_arguments_of_other_sources_are_left_out():
    source = data.get("scenes", frames=3, fps=8, cache=False)

    assert source.frames == 3


def test_an_argument_of_no_source_is_refused():
    with pytest.raises(ValueError, match="argument 'frame'.*'frames'"):
        data.get("scenes", frame=3)


def test_an_unknown_name_is_told_what_exists():
    with pytest.raises(ValueError, match="'scene'.*'scenes'.*folder.*glob"):
        data.get("scene")


def test_a_known_list_needs_no_folder(folder):
    files = data.get(folder, cache=False).files.to_json()

    source = data.get("/gone", files=files, frames=3, size=8)

    assert source.name(0) == "a.mp4"
