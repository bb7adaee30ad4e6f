"""The commands that people type, from start to report."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest

import layerlock
from tests.marks import slow_but_thorough_on
from tests.recipes import running

pytestmark = slow_but_thorough_on("tensorflow")

BACKEND = keras.backend.backend()
ONE_BACKEND = pytest.mark.skipif(
    BACKEND != "torch", reason="one backend is enough"
)
SHORT = ["--steps=6", "--batch_size=2", "--log_every=1", "--checkpoint_every=2"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory, small):
    """A short run on procedural clips with held-out ones and two freezes."""
    run_dir = tmp_path_factory.mktemp("runs") / "scenes"
    running.succeed(
        run_dir,
        *SHORT,
        *small,
        "--start_step=2",
        "--interval=2",
        "--max_frozen_layers=2",
        "--validation=scenes",
    )
    return run_dir


def test_it_leaves_everything_that_a_run_directory_holds(scenes):
    names = {path.name for path in scenes.iterdir()}
    assert names >= {
        "config.json",
        "metrics.jsonl",
        "checkpoints",
        "encoder",
        "pictures",
        "report.html",
    }
    config = json.loads((scenes / "config.json").read_text())
    assert config["backend"] == BACKEND
    assert config["flags"]["mask_ratio"] == 0.75  # derived
    assert len(list((scenes / "checkpoints").iterdir())) == 3


def test_every_line_has_the_keys_that_are_promised(scenes):
    keys = (
        "step loss frozen_layers target_layer learning_rate clips_per_second "
        "input_wait seconds flops flops_unfrozen peak_memory_bytes "
        "stall_seconds feature_std effective_rank target_std grad_norm"
    ).split()
    lines = running.metrics(scenes)

    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["frozen_layers"] for line in lines] == [0, 0, 1, 1, 2, 2]
    assert [line["target_layer"] for line in lines] == [
        None,
        None,
        1,
        1,
        2,
        2,
    ]
    for line in lines:
        assert set(keys) <= line.keys()
        assert np.isfinite(line["loss"])


def test_held_out_losses_are_logged_with_the_checkpoints(scenes):
    held_out = {
        line["step"]: line["validation_loss"]
        for line in running.metrics(scenes)
        if "validation_loss" in line
    }
    assert sorted(held_out) == [2, 4, 6]
    assert all(np.isfinite(loss) for loss in held_out.values())


def test_the_report_stands_alone(scenes):
    page = (scenes / "report.html").read_text()
    assert "<svg" in page or "data:image/png" in page
    assert 'src="http' not in page


@ONE_BACKEND
def test_the_exported_encoder_loads_and_starts_another_run(scenes, tmp_path):
    encoder = layerlock.VideoEncoder.from_preset(scenes / "encoder")
    assert encoder.num_layers == 4

    # At a rate of almost nothing, the weights stay what they were.
    run_dir = tmp_path / "continued"
    running.succeed(
        run_dir,
        *SHORT[1:],
        "--steps=2",
        "--schedule=never",
        f"--init_from={scenes}",
        "--learning_rate=1e-12",
        "--weight_decay=0",
    )

    again = layerlock.VideoEncoder.from_preset(run_dir / "encoder")
    for a, b in zip(encoder.weights, again.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-8)


@ONE_BACKEND
def test_a_plain_mae_of_a_preset_never_freezes(tmp_path):
    run_dir = tmp_path / "mae"
    running.succeed(run_dir, *SHORT, "--schedule=never", "--accumulation=2")
    assert {line["frozen_layers"] for line in running.metrics(run_dir)} == {0}


@ONE_BACKEND
@pytest.mark.parametrize(
    "flag, message",
    [
        ("--max_frozen_layers=7", "At most 6 layers"),
        ("--validation=/nowhere", "Unknown source of clips '/nowhere'"),
        ("--objective_args=epsilon=(1,)", "pretrain: "),
    ],
)
def test_mistakes_end_with_one_sentence_and_no_run(tmp_path, flag, message):
    run_dir = tmp_path / "never"
    finished = running.pretrain(run_dir, flag)

    assert finished.returncode != 0
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not run_dir.exists()


@pytest.mark.skipif(BACKEND != "torch", reason="decoding is not the backend's")
def test_real_clips_pretrain_with_workers(clips_folder, tmp_path):
    run_dir = tmp_path / "clips"
    said = running.succeed(
        run_dir,
        f"--data={clips_folder}",
        "--steps=50",
        "--batch_size=2",
        "--frames=4",
        "--size=16",
        "--patch_size=2,4,4",
        "--workers=2",
        "--log_every=25",
        "--checkpoint_every=50",
    )

    assert "17 videos, 0 of them unreadable" in said
    assert running.metrics(run_dir)[-1]["step"] == 50
    files = json.loads((run_dir / "files.json").read_text())
    assert len(files["files"]) == 17
    assert files["failed_reads"] == 0


@pytest.mark.skipif(BACKEND != "torch", reason="decoding is not the backend's")
def test_unreadable_videos_are_listed_and_survived(tmp_path, small):
    pytest.importorskip("av")
    from tests.data import synthesise

    folder = tmp_path / "videos"
    folder.mkdir()
    synthesise.write(folder / "good.mp4")
    content = (folder / "good.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(content[: len(content) // 3])
    (folder / "text.mp4").write_text("not a video")
    (folder / "empty.mp4").write_bytes(b"")
    run_dir = tmp_path / "run"
    flags = [*SHORT, f"--data={folder}", "--schedule=never", "--size=32"]
    flags += small

    said = running.succeed(run_dir, *flags, "--workers=1")

    assert "4 videos, 3 of them unreadable" in said
    listed = json.loads((run_dir / "files.json").read_text())["unreadable"]
    assert {pathlib.Path(file["path"]).name for file in listed} == {
        "cut.mp4",
        "text.mp4",
        "empty.mp4",
    }
    assert all(file["reason"] for file in listed)

    # The list is frozen: what is new in the folder changes nothing.
    shutil.copy(folder / "good.mp4", folder / "another.mp4")
    assert "4 videos" in running.succeed(run_dir, *flags, "--resume")


@ONE_BACKEND
def test_a_loss_that_breaks_ends_the_run_and_keeps_the_checkpoint(
    tmp_path, small
):
    run_dir = tmp_path / "run"

    finished = running.pretrain(
        run_dir,
        *small,
        "--steps=20",
        "--batch_size=2",
        "--checkpoint_every=1",
        "--log_every=1",
        "--learning_rate=1e25",
        "--gradient_clip=0",
        "--warmup_steps=0",
        "--schedule=never",
    )

    assert finished.returncode != 0
    assert "The loss is" in finished.stderr
    failure = json.loads((run_dir / "failure.json").read_text())
    assert len(failure["clips"]) == 2
    checkpoints = sorted(path.name for path in run_dir.glob("checkpoints/*"))
    assert checkpoints[-1] == f"step_{failure['step'] - 1:08d}"
    assert (run_dir / "report.html").exists()
    assert running.metrics(run_dir)[-1]["verdict"] == "diverged"


@ONE_BACKEND
def test_a_collapse_can_end_the_run(tmp_path, small):
    finished = running.pretrain(
        tmp_path / "run",
        *small,
        "--objective=mae_latent",
        "--objective_args=weight=1e4",
        "--target_gradient",
        "--schedule=never",
        "--steps=200",
        "--batch_size=4",
        "--log_every=5",
        "--checkpoint_every=50",
        "--learning_rate=0.01",
        "--on_collapse=stop",
    )

    assert finished.returncode != 0
    assert "collapsed at step" in finished.stderr
    last = running.metrics(tmp_path / "run")[-1]
    assert last["verdict"] == "collapsed" and last["step"] < 200


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "jax", reason="programs are kept by JAX")
def test_a_second_run_compiles_nothing(small, tmp_path):
    def programs_after(name):
        running.succeed(
            tmp_path / name,
            *small,
            "--steps=6",
            "--start_step=2",
            "--interval=2",
            "--batch_size=4",
            f"--compilation_cache={tmp_path / 'programs'}",
            JAX_COMPILATION_CACHE_DIR="",
        )
        return {path.name for path in (tmp_path / "programs").glob("*-cache")}

    first = programs_after("first")

    assert len(first) >= 3  # one for each stage
    assert programs_after("second") == first
