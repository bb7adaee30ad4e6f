"""Questions to real clips, which are links to files that nobody reads."""

import os
import pathlib

import pytest

SPEAKERS = ("F01", "F02", "M01", "M02")


@pytest.fixture
def real(tmp_path):
    """A folder of clips that cannot be read, split by speaker."""
    splits = {"F01": "train", "F02": "train", "M01": "val", "M02": "test"}
    data = tmp_path / "data"
    for speaker, split in splits.items():
        for label in ("01", "02"):
            for number in range(5):
                name = f"{speaker}_words_{label}_{number}.mp4"
                place = data / "lips_words" / split / label / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(name)
                if split != "test":
                    (data / "lips_unlabelled").mkdir(exist_ok=True)
                    (data / "lips_unlabelled" / name).write_text(name)
    room = data / "room"
    room.mkdir()
    for number in range(200):
        for kind in ("color.jpg", "depth.png", "pose.txt"):
            (room / f"frame-{number:06d}.{kind}").write_text("x")
    return data


@pytest.fixture
def clips(real, tmp_path):
    from study_real_clips import RealClips

    return RealClips(real, tmp_path / "run", 8, 32)


def names(folder):
    return {path.name for path in pathlib.Path(folder).rglob("*.*")}


def test_settings_are_chosen_without_a_clip_of_a_test_speaker(clips):
    for question in clips.questions("selection"):
        assert not any(name.startswith("M02") for name in names(question.data))
    assert any(name.startswith("M02") for name in names(clips.data))

    finals = clips.questions("final")

    assert all(
        any(name.startswith("M02") for name in names(question.data))
        for question in finals
        if question.task == "folder"
    )


def test_columns_are_the_sets_the_speaker_and_the_depth(clips):
    columns = [question.column for question in clips.questions("final")]

    assert columns == ["word", "word k-NN", "speaker", "depth error"]


def test_every_speaker_is_in_every_split_of_the_question_who_speaks(clips):
    [question] = [q for q in clips.questions("final") if q.column == "speaker"]

    for split in ("train", "val", "test"):
        found = {path.name for path in (question.data / split).iterdir()}
        assert found == set(SPEAKERS)


@pytest.mark.parametrize("split", ["selection", "final"])
def test_a_room_is_parted_by_time(clips, split):
    [question] = [q for q in clips.questions(split) if q.task == "scannet"]
    frames = {}
    for part in ("train", "val"):
        scans = (question.data / f"scannetv2_{part}.txt").read_text().split()
        frames[part] = {
            int(path.stem)
            for scan in scans
            for path in (question.data / scan / "color").iterdir()
        }

    assert max(frames["train"]) < min(frames["val"])
    assert max(frames["val"]) == (139 if split == "selection" else 199)


def test_links_are_made_again_where_the_clips_have_changed(clips, real):
    [question, *_] = clips.questions("selection")
    new = real / "lips_words" / "train" / "01" / "F01_words_01_9.mp4"
    new.write_text("new")

    [again, *_] = clips.questions("selection")

    assert again.data == question.data
    assert new.name in names(again.data)


def test_copies_of_the_same_clips_are_the_same_contents(clips, real, tmp_path):
    import shutil

    from study_real_clips import RealClips

    copy = tmp_path / "copy"
    shutil.copytree(real, copy)
    (copy / "lips_words" / "prepared.jsonl").write_text("")
    for path in list(copy.rglob("*.mp4")):
        path.rename(path.with_suffix(".mkv"))
    assert RealClips(copy, tmp_path / "other", 8, 32).contents == clips.contents

    next(copy.rglob("M02*")).unlink()
    assert RealClips(copy, tmp_path / "other", 8, 32).contents != clips.contents


def test_a_folder_without_a_labelled_set_is_refused(tmp_path):
    from study_real_clips import RealClips

    with pytest.raises(ValueError, match="no labelled set"):
        RealClips(tmp_path, tmp_path / "run", 8, 32)


def test_links_that_were_not_all_made_are_made_again(clips, real, monkeypatch):
    import study_layouts

    links = {f"{n}.mp4": real / f"{n}.mp4" for n in range(3)}
    folder = study_layouts.place(clips.folder / "some", links)
    others = {"x.mp4": real / "x.mp4", "y.mp4": real / "y.mp4"}

    def cut_off(path, target):
        if path.name == "y.mp4":
            raise KeyboardInterrupt
        os.symlink(target, path)

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "symlink_to", cut_off)
        with pytest.raises(KeyboardInterrupt):
            study_layouts.place(folder, others)

    study_layouts.place(folder, links)
    assert {path.name for path in folder.iterdir()} == set(links)


def test_sets_of_one_ending_have_columns_of_their_own(real, tmp_path):
    import shutil

    from study_real_clips import RealClips

    shutil.copytree(real / "lips_words", real / "hands_words")
    clips = RealClips(real, tmp_path / "run", 8, 32, "lips_words")
    other = RealClips(real, tmp_path / "run", 8, 32, "hands_words")

    columns = [question.column for question in clips.questions("final")]
    assert columns[:3] == ["lips_words", "lips_words k-NN", "hands_words"]
    speakers = [
        question
        for some in (clips, other)
        for question in some.questions("final")
        if question.column == "speaker"
    ]
    assert len({question.name for question in speakers}) == 2


@pytest.mark.parametrize("has_mark", [True, False])
def test_files_that_are_no_links_are_never_removed(clips, real, has_mark):
    import study_layouts

    folder = clips.folder / "some"
    if has_mark:
        study_layouts.place(folder, {"a.mp4": real / "a.mp4"})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.mp4").write_text("of a user")

    with pytest.raises(ValueError, match="1 files that are none.*mine.mp4"):
        study_layouts.place(folder, {"b.mp4": real / "b.mp4"})
    assert (folder / "mine.mp4").read_text() == "of a user"


def test_a_folder_of_another_study_is_left_as_it_is(clips, real):
    import json

    from study import Study

    clips.folder.parent.mkdir(parents=True, exist_ok=True)
    (clips.folder.parent / "contents.json").write_text(
        json.dumps({"clips": "others"})
    )
    before = sorted(clips.folder.parent.rglob("*"))

    with pytest.raises(ValueError, match="a study with another clips"):
        Study(
            clips.folder.parent, clips, "video_vit_nano", 16, "", (100,), 1,
            "selection",
        )  # fmt: skip
    assert sorted(clips.folder.parent.rglob("*")) == before
