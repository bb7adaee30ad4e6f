"""A run whose teacher is an encoder from a folder."""

import json
import shutil

import h5py
import numpy as np
import pytest

import layerlock
from layerlock.config import facts
from layerlock.jobs.pretraining import teachers
from layerlock.models import VideoEncoder
from layerlock.runs import checkpoints
from tests.recipes.running import resolved

pytest.importorskip("grain")
TINY = {
    "objective": "vjepa",
    "batch_size": 2,
    "steps": 4,
    "log_every": 1,
    "checkpoint_every": 2,
    "start_step": 3,
    "max_frozen_layers": 1,
    "track": (),
}


def save_encoder(path, num_layers, width, patch_size=(2, 8, 8)):
    encoder = VideoEncoder(
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=width,
        mlp_dim=width,
        patch_size=patch_size,
        clip_shape=(4, 32, 32),
        num_decoder_layers=0,
        name="encoder",
    )
    encoder.save_to_preset(path)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A teacher, a student, and a run of both."""
    path = tmp_path_factory.mktemp("taught")
    teacher = save_encoder(path / "teacher", 3, 40)
    student = save_encoder(path / "student", 2, 24)
    layerlock.pretrain(
        **TINY, teacher=str(teacher), init_from=student, run_dir=path / "run"
    )
    return path


def arrays(run):
    """All arrays of the newest checkpoint, by name."""
    newest = checkpoints.find(run / "checkpoints")[0]
    found = {}
    with h5py.File(newest / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def lines(run):
    text = (run / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_the_exported_encoder_is_the_student(folders):
    run = folders / "run"

    assert VideoEncoder.from_preset(run / "encoder").hidden_dim == 24
    assert not (run / "student").exists()
    assert lines(run)[-1]["target_layer"] == 3
    assert 0 < lines(run)[-1]["flops_teacher"] < lines(run)[-1]["flops"]


@pytest.mark.parametrize("stored", ["float32", "mixed_bfloat16"])
def test_it_has_its_own_precision_unless_another_is_named(tmp_path, stored):
    VideoEncoder.from_preset(
        save_encoder(tmp_path / "float32", 1, 24), dtype=stored, name="teacher"
    ).save_to_preset(tmp_path / "teacher")
    flags = ["--objective=vjepa", f"--teacher={tmp_path / 'teacher'}"]
    flags += ["--preset=video_vit_nano", "--start_step=1", "--size=32"]
    other = {"float32": "bfloat16", "mixed_bfloat16": "none"}[stored]

    own, named = (
        teachers.load(resolved(*flags, *more)[0])
        for more in ([], [f"--teacher_precision={other}"])
    )

    assert own.dtype_policy.name == stored
    assert named.compute_dtype == {"none": "float32"}.get(other, other)
    assert named.variable_dtype == "float32"


def test_a_preset_takes_the_patches_of_its_teacher(tmp_path):
    place = save_encoder(tmp_path / "teacher", 1, 24, patch_size=(2, 16, 16))

    config, _ = resolved(
        "--objective=vjepa", f"--teacher={place}", "--start_step=1", "--size=64"
    )

    assert facts.encoder_sizes(config.encoder)["patch_size"] == (2, 16, 16)
    assert config.encoder.preset == "video_vit_nano"


def test_a_precision_without_a_teacher_is_refused():
    with pytest.raises(ValueError, match="another encoder as `teacher`"):
        resolved("--objective=vjepa", "--teacher_precision=bfloat16")


def test_a_run_keeps_a_reference_and_no_weights(folders):
    run = folders / "run"
    config = json.loads((run / "config.json").read_text())

    assert config["teacher"]["path"] == str(folders / "teacher")
    shapes = {array.shape for array in arrays(run).values()}
    assert (384, 24) in shapes  # the patch embedding of the student
    assert (384, 40) not in shapes  # that of the teacher


def test_it_resumes_bit_for_bit_with_the_teacher_in_another_place(
    folders, tmp_path
):
    run = shutil.copytree(folders / "run", tmp_path / "run")
    shutil.rmtree(checkpoints.find(run / "checkpoints")[0])
    moved = shutil.copytree(folders / "teacher", tmp_path / "moved")

    layerlock.pretrain(run_dir=run, resume=True, teacher=str(moved))

    expected = arrays(folders / "run")
    assert arrays(run).keys() == expected.keys()
    for name, array in arrays(run).items():
        np.testing.assert_array_equal(array, expected[name])
    keys = ("step", "loss", "frozen_layers", "flops_teacher")
    assert [[line[key] for key in keys] for line in lines(run)] == [
        [line[key] for key in keys] for line in lines(folders / "run")
    ]


def test_another_teacher_is_refused_at_a_resume(folders, tmp_path):
    other = save_encoder(tmp_path / "other", 4, 40)
    options = {"run_dir": folders / "run", "resume": True}

    for teacher in (str(other), "ema"):
        with pytest.raises(ValueError, match="A resumed run keeps its teacher"):
            layerlock.pretrain(**options, teacher=teacher)


def test_a_teacher_that_is_gone_is_named(folders, tmp_path):
    run = shutil.copytree(folders / "run", tmp_path / "run")
    config = (run / "config.json").read_text()
    gone = str(tmp_path / "gone")
    config = config.replace(str(folders / "teacher"), gone)
    (run / "config.json").write_text(config)

    with pytest.raises(ValueError, match=f"no encoder at '{gone}'") as refused:
        layerlock.pretrain(run_dir=run, resume=True)
    assert "pass its new place" in str(refused.value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"teacher": "emma"}, "one of .'ema', 'frozen', 'self'., a run"),
        ({"momentum": (0.9,)}, "`momentum` is that of a moving average"),
        ({"objective_args": "target_layer=4"}, "1 to 3.* Received: layer 4"),
        ({"objective": "mae"}, "`teacher` is not an argument"),
        ({"patch_size": (2, 16, 16)}, "2x8x8 for the teacher and 2x16x16"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_built(
    folders, tmp_path, options, message
):
    options = {**TINY, "teacher": str(folders / "teacher"), **options}
    if "patch_size" not in options:
        options["init_from"] = folders / "student"

    with pytest.raises(ValueError, match=message):
        layerlock.pretrain(**options, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_fixed_teacher_needs_its_folder(folders, tmp_path):
    with pytest.raises(ValueError, match="which names none"):
        layerlock.pretrain(
            **TINY,
            objective_args="teacher='fixed'",
            init_from=folders / "student",
            run_dir=tmp_path / "run",
        )
