import numpy as np
import pytest

from layerlock.report import appendix, strips
from layerlock.report.history import History
from layerlock.runs import pictures
from tests.runs import synthetic

FILES = {
    "files": [{"path": "good.mp4"}],
    "unreadable": [{"path": "bad.mp4", "reason": "no moov"}],
    "replaced_clips": 12,
    "short_clips": 3,
}


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("matplotlib")
    return synthetic.synthetic_run(tmp_path / "run", [])


def test_unreadable_files_are_listed_with_the_reason():
    assert appendix.files(FILES).unreadable.rows == [["bad.mp4", "no moov"]]


def test_replaced_and_short_clips_are_counted():
    assert appendix.files(FILES).counts == [
        ("files", "2"),
        ("unreadable files", "1"),
        ("clips replaced because their file is unreadable", "12"),
        ("short clips, which repeat frames", "3"),
    ]


def test_the_sources_of_a_mixture_are_counted():
    parts = [{"name": "howto", "share": 0.7, "clips": 1200}]

    counts = appendix.files(FILES | {"parts": parts}).counts

    assert counts[-1] == ("clips of howto, read 70.0% of the time", "1,200")


def test_procedural_data_have_no_list_of_files():
    assert appendix.files(None) is None


def test_a_list_without_counts_is_shown():
    files = appendix.files({"files": [{"path": "a.mp4"}]})

    assert files.counts == [("files", "1"), ("unreadable files", "0")]


def test_the_command_to_resume_names_the_run():
    config = {"command": "python mine.py --steps=9", "backend": "jax"}

    commands = appendix.commands("runs/mine", config)

    assert commands["command"] == config["command"]
    assert commands["resume_command"].startswith("KERAS_BACKEND=jax layerlock")
    assert "--run_dir=runs/mine" in commands["resume_command"]


def test_a_run_without_a_command_has_none_to_resume():
    commands = appendix.commands("runs/mine", {})

    assert commands == {"command": None, "resume_command": None}


def test_the_configuration_has_options_and_environment():
    options, environment = appendix.configuration_tables(
        {"backend": "jax", "flags": {"steps": 9, "fps": None}}
    )

    assert options.rows == [["steps", "9"], ["fps", "None"]]
    assert environment.rows == [["backend", "jax"]]


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (5, 16, 240, 320)])
def test_pictures_of_any_size_are_shown(run, shape):
    video = np.zeros((*shape, 3), "uint8")
    pictures.save_reconstruction(run, video, video, video, step=1)

    [section] = appendix.picture_sections(run, History([]))

    assert len(section.clips) == min(shape[0], strips.MAX_CLIPS)
    labels = [label for label, _ in section.clips[0].rows]
    assert labels == ["original", "masked", "reconstruction"]


def test_pictures_from_before_the_last_target_have_a_remark(run):
    synthetic.add_pictures(run)

    reconstructions, _ = appendix.picture_sections(
        run, History(synthetic.metrics_lines())
    )

    assert "now predicts latent targets" in reconstructions.text


def test_features_of_another_grid_are_shown(run):
    features = np.random.default_rng(0).normal(size=(2, 3, 5, 6, 4))
    pictures.save_features(run, synthetic.clips(), features, "block_2", 7)

    [section] = appendix.picture_sections(run, History([]))

    assert "`block_2` at step 7," in section.text
    assert [len(clip.rows) for clip in section.clips] == [2, 2]


@pytest.mark.parametrize("name", [pictures.RECONSTRUCTION, pictures.FEATURES])
def test_damaged_pictures_are_named_and_the_others_shown(run, name):
    synthetic.add_pictures(run)
    path = run.pictures_path / name
    path.write_bytes(path.read_bytes()[:-30])

    sections = appendix.picture_sections(run, History([]))

    [damaged] = [section for section in sections if not section.clips]
    assert damaged.text.startswith("These pictures cannot be shown: ")
    assert name in damaged.text
    assert len(sections) == 2
