"""The probe as a command."""

import json
import subprocess
import sys

import keras
import pytest

from tests.marks import slow_but_thorough_on
from tests.recipes import running

pytestmark = slow_but_thorough_on("jax", "tensorflow")
ONE_BACKEND = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
FEW = "num_train=60,num_validation=20,num_test=30"


def probe(*flags):
    return subprocess.run(
        [sys.executable, str(running.ROOT / "recipes" / "probe.py"), *flags],
        env=running.environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def encoder(small):
    return small[0].replace("--init_from", "--encoder")


@pytest.mark.parametrize(
    "task, readout, arguments",
    [
        ("scenes_motion", "attentive", "steps=6,learning_rates=(1e-3,)"),
        pytest.param(
            *("scenes_depth", "linear", "steps=6,learning_rates=(1e-3,)"),
            marks=ONE_BACKEND,
        ),
        pytest.param(
            *("scenes_appearance", "knn", "neighbours=(3,5)"),
            marks=ONE_BACKEND,
        ),
    ],
)
def test_it_leaves_numbers_and_a_page(
    encoder, tmp_path, task, readout, arguments
):
    pytest.importorskip("sklearn")
    out = tmp_path / "out"
    finished = probe(
        encoder,
        f"--task={task}",
        f"--task_args={FEW}",
        f"--readout={readout}",
        f"--readout_args={arguments}",
        f"--out={out}",
    )

    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json.loads((out / "probe.json").read_text())
    for metric in found["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    says_what_to_beat = "always the commonest class: 0." in finished.stdout
    assert says_what_to_beat == (task != "scenes_depth")
    says_what_to_beat = "always the same depth: 0." in finished.stdout
    assert says_what_to_beat == (task == "scenes_depth")
    assert found["layer"] == 3
    assert found["examples"] == {"train": 60, "validation": 20, "test": 30}
    written = {path.name for path in out.iterdir()}
    assert written == {"probe.json", "report.html"} | (
        set() if task == "scenes_depth" else {"answers.csv"}
    )
    if "answers.csv" in written:
        answers = (out / "answers.csv").read_text().splitlines()
        assert len(answers) == 1 + 30 and answers[0].startswith("example,")
    page = (out / "report.html").read_text()
    assert "http://" not in page and "https://" not in page
    assert task in page


@ONE_BACKEND
def test_a_folder_with_anything_in_it_is_left_alone(encoder, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "report.html").write_text("mine")

    said = running.refusal("probe", encoder, f"--out={tmp_path}")

    assert "not empty" in said
    assert (tmp_path / "report.html").read_text() == "mine"
    assert (tmp_path / "features").is_dir()


@ONE_BACKEND
@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "--encoder is missing"),
        (["--encoder=/nowhere"], "no encoder at"),
        (
            ["--encoder=random:video_vit_nano", "--layer=9"],
            "up to the encoder's 8",
        ),
        (
            [
                "--encoder=random:video_vit_nano",
                "--task=scenes_depth",
                "--readout=knn",
            ],
            "readout='attentive'",
        ),
        (
            ["--encoder=random:video_vit_nano", "--data=/videos"],
            "reads no files",
        ),
        (
            ["--encoder=random:video_vit_nano", "--readout_args=steps=2k"],
            "`steps` must be positive",
        ),
        (
            [
                "--encoder=random:video_vit_nano",
                "--readout_args=hidden_dim=100,num_heads=16",
            ],
            "`num_heads` must divide `hidden_dim`",
        ),
    ],
)
def test_mistakes_end_with_one_sentence(tmp_path, flags, message):
    said = running.refusal("probe", *flags, f"--out={tmp_path / 'out'}")

    assert message in said
    assert not (tmp_path / "out").exists()


@ONE_BACKEND
def test_a_probe_that_fails_leaves_no_folder(encoder, tmp_path):
    pytest.importorskip("sklearn")
    out = tmp_path / "out"
    said = probe(
        encoder,
        f"--task_args={FEW}",
        "--readout_args=steps=6,learning_rates=1e30",
        "--cache_gigabytes=0",
        f"--out={out}",
    )

    assert said.returncode
    assert "computed again" in said.stdout
    assert not out.exists()


@ONE_BACKEND
def test_what_a_killed_probe_left_is_used_and_cleared(encoder, tmp_path):
    pytest.importorskip("sklearn")
    out = tmp_path / "out"
    (out / ".features" / "half").mkdir(parents=True)

    said = probe(encoder, "--readout=knn", f"--task_args={FEW}", f"--out={out}")

    assert said.returncode == 0, said.stderr[-3000:]
    assert {path.name for path in out.iterdir()} == {
        "answers.csv",
        "probe.json",
        "report.html",
    }
