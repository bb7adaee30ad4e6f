"""The card beside an encoder holds what was recorded, and a person's words."""

import json

import pytest

from layerlock.models import exported
from layerlock.runs import model_card
from layerlock.runs.directory import RunDirectory

FLAGS = {
    "preset": "video_vit_nano",
    "data": "/videos",
    "frames": 8,
    "size": 32,
    "fps": 12.0,
    "objective": "vjepa",
    "mask": {"class": "mine.Mask", "config": {}},
    "schedule": "linear",
    "steps": 2000,
    "batch_size": 4,
    "accumulation": 2,
}
CONFIG = {
    "flags": FLAGS,
    "backend": "jax",
    "devices": ["cpu:0"],
    "versions": {"layerlock": "0.1.0", "keras": "3.15.1", "jax": "0.10.2"},
    "model": {"num_layers": 8, "num_parameters": 931_680},
}


@pytest.fixture
def run(tmp_path):
    run = RunDirectory.create(tmp_path / "run", CONFIG, {"num_files": 1234})
    run.append_metrics(
        {
            "step": 1500,
            "frozen_layers": 3,
            "flops": 2.4e12,
            "seconds": 125,
            "verdict": "healthy",
        }
    )
    run.encoder_path.mkdir()
    return run


def read(run):
    return (run.encoder_path / "README.md").read_text()


def test_it_names_a_fixed_teacher(run):
    run.config["teacher"] = {"path": "/encoders/g", "sha256": "0123456789abc"}

    model_card.write(run)

    assert "| fixed teacher | /encoders/g, checksum 0123456789ab |" in read(run)


def test_it_holds_data_configuration_and_cost(run):
    model_card.write(run)

    card = read(run)
    for text in (
        "video_vit_nano, 8 blocks, 931,680 parameters",
        "/videos: 1,234 videos",
        "8 frames of 32x32 at 12 per second",
        "| mask | mine.Mask |",
        "linear, 3 layers at the end",
        "1,500 of 2,000 steps of 8 clips",
        "2.4 TFLOPs of matrix products, 2 min 5 s on cpu:0",
        "| health | healthy |",
        "layerlock 0.1.0, keras 3.15.1, jax 0.10.2",
        "license: other",
        "## Licence\n\nTo be filled in",
    ):
        assert text in card, text
    options = card.split("```json\n")[1].split("```")[0]
    assert json.loads(options) == FLAGS
    assert "## Scores" not in card


def test_clips_of_whole_videos_are_named(tmp_path):
    options = FLAGS | {"fps": None, "sampling": "whole"}
    run = RunDirectory.create(tmp_path / "run", CONFIG | {"flags": options})
    run.encoder_path.mkdir()

    model_card.write(run)

    assert "8 frames of 32x32 over the whole of a video" in read(run)


def test_scores_appear_once_the_encoder_was_probed(run):
    out = run.path / "probes" / "scenes_motion-attentive"
    out.mkdir(parents=True)
    metrics = {"top1": {"value": 0.5, "low": 0.4, "high": 0.6}}
    record = {"task": "scenes_motion", "readout": "knn", "metrics": metrics}
    (out / "probe.json").write_text(json.dumps(record))

    model_card.write(run)

    row = "| scenes_motion | frozen |  | knn | top1 | 0.500 | 0.400 to 0.600 |"
    assert row in read(run)


def leave_score(run, out, value, **facts):
    folder = run.path / "probes" / out
    folder.mkdir(parents=True)
    metrics = {"top1": {"value": value, "low": 0.4, "high": 0.6}}
    record = {"task": "scenes_motion", "readout": "knn", "metrics": metrics}
    (folder / "probe.json").write_text(json.dumps(record | facts))


def test_scores_of_different_layers_and_weights_are_told_apart(run):
    run.student_path.mkdir()
    leave_score(run, "a", 0.51, layer=8, student=False)
    leave_score(run, "b", 0.52, layer=2, student=False)
    leave_score(run, "c", 0.53, layer=8, student=True)

    model_card.write(run)

    teacher = read(run)
    assert "| scenes_motion | frozen | 8 | knn | top1 | 0.510 |" in teacher
    assert "| scenes_motion | frozen | 2 | knn | top1 | 0.520 |" in teacher
    assert "0.530" not in teacher
    student = (run.student_path / "README.md").read_text()
    assert "| frozen student | 8 | knn | top1 | 0.530 |" in student
    assert "0.510" not in student
    everything = "\n".join(model_card.training(run))
    assert all(value in everything for value in ("0.510", "0.520", "0.530"))


def test_scores_of_weights_that_were_replaced_are_told(run, monkeypatch):
    monkeypatch.setattr(exported, "identify", lambda path: path.name)
    leave_score(run, "a", 0.51, encoder_identity="of step 1000")
    leave_score(run, "b", 0.52, encoder_identity="encoder")
    leave_score(run, "c", 0.53)

    model_card.write(run)

    text = read(run)
    assert "| frozen, earlier weights |  | knn | top1 | 0.510 |" in text
    assert "| frozen |  | knn | top1 | 0.520 |" in text
    assert "| frozen |  | knn | top1 | 0.530 |" in text


def test_scores_of_one_group_have_no_interval(run):
    out = run.path / "probes" / "folder-knn"
    out.mkdir(parents=True)
    metrics = {"top1": {"value": 0.5, "low": None, "high": None}}
    record = {"task": "folder", "readout": "knn", "metrics": metrics}
    (out / "probe.json").write_text(json.dumps(record))

    model_card.write(run)

    assert "| folder | frozen |  | knn | top1 | 0.500 | unknown |" in read(run)
    card = model_card.describe_finetuning(
        record | {"encoder": "a", "command": "b", "examples": {}, "flags": {}}
    )
    assert "0.500 (unknown, 95 % interval)" in card


def test_data_whose_name_is_not_utf_8_is_shown_with_escapes(tmp_path):
    config = CONFIG | {"flags": FLAGS | {"data": "/vid\udce9os"}}
    run = RunDirectory.create(tmp_path / "run", config)
    run.encoder_path.mkdir()

    model_card.write(run)

    assert (
        r"/vid\xe9os" in (run.encoder_path / "README.md").read_bytes().decode()
    )


def test_what_a_person_wrote_around_it_stays(run):
    model_card.write(run)
    path = run.encoder_path / "README.md"
    filled = path.read_text().replace("license: other", "license: mit")
    path.write_text(filled + "\nTrained for the zoo.\n")
    run.append_metrics(
        {"step": 2000, "frozen_layers": 6, "flops": 3e12, "seconds": 150}
    )

    model_card.write(run)

    card = read(run)
    assert "license: mit" in card and card.endswith("for the zoo.\n")
    assert "2,000 of 2,000 steps" in card and "1,500 of" not in card
    assert card.count("# video_vit_nano") == 1


def test_a_page_of_somebody_else_is_kept(run):
    path = run.encoder_path / "README.md"
    path.write_text("My notes")

    model_card.write(run)
    model_card.write(run)

    assert read(run).startswith("My notes\n<!-- Written by LayerLock")
    assert read(run).count("Written by LayerLock") == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("<!-- End of what LayerLock writes. -->", ""),
        lambda text: "<!-- End of what LayerLock writes. -->\n" + text,
    ],
)
def test_a_person_s_words_survive_a_missing_or_a_second_marker(run, damage):
    model_card.write(run)
    path = run.encoder_path / "README.md"
    path.write_text("First.\n" + damage(path.read_text()) + "Last.\n")

    for _ in range(3):
        model_card.write(run)

    assert read(run).startswith("First.\n") and "Last.\n" in read(run)
    assert "## Licence" in read(run)


def test_bytes_that_are_no_text_are_kept(run):
    path = run.encoder_path / "README.md"
    path.write_bytes(b"caf\xe9\n")

    model_card.write(run)

    assert path.read_bytes().startswith(b"caf\xe9\n<!-- Written")


def test_a_student_has_a_card_of_its_own(run):
    run.student_path.mkdir()

    model_card.write(run)

    card = (run.student_path / "README.md").read_text()
    assert 'from_preset("student")' in card


def test_a_run_without_an_encoder_gets_no_card(tmp_path):
    run = RunDirectory.create(tmp_path / "run", CONFIG)

    model_card.write(run)

    assert not run.encoder_path.exists()


def test_a_score_without_an_interval_is_shown(run):
    out = run.path / "probes" / "scenes_motion-knn"
    out.mkdir(parents=True)
    metrics = {"top1": {"value": 0.5, "low": None, "high": None}}
    record = {"task": "scenes_motion", "readout": "knn", "metrics": metrics}
    (out / "probe.json").write_text(json.dumps(record))

    model_card.write(run)

    row = "| scenes_motion | frozen |  | knn | top1 | 0.500 | unknown |"
    assert row in read(run)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"metrics": 7}'])
def test_a_damaged_record_is_named_and_survived(run, content):
    out = run.path / "probes" / "mine"
    out.mkdir(parents=True)
    (out / "probe.json").write_text(content)

    model_card.write(run)

    assert "| mine/probe.json | frozen |  | cannot be read |" in read(run)
