"""Jobs on files and classes whose names are not UTF-8."""

import json
import os

import keras
import pytest

from layerlock.runs.directory import RunDirectory
from tests.evaluation import layouts
from tests.recipes import running
from tests.recipes.conftest import small as small

pytest.importorskip("av")
pytest.importorskip("grain")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
SHORT = ["--batch_size=2", "--log_every=1", "--checkpoint_every=2"]
CLASSES = (b"caf\xe9", b"line\nbreak", b"zo\xeb")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Class folders, in a folder that has a name of that kind too."""
    folder = tmp_path_factory.mktemp("videos") / os.fsdecode(b"vid\xe9os")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this disk takes names in UTF-8 only")
    for name in CLASSES:
        (folder / os.fsdecode(name)).mkdir()
        for number in range(6):
            file = os.fsdecode(b"%d_\xff.mp4" % number)
            layouts.write(folder / os.fsdecode(name) / file, count=8)
    broken = folder / os.fsdecode(CLASSES[0]) / os.fsdecode(b"\xfe.mp4")
    broken.write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / os.fsdecode(b"l\xe4uft")


def test_a_run_ends_with_a_report_and_is_resumed(
    videos, run_dir, small, capsys
):
    pytest.importorskip("tensorboardX")
    run = [f"--run_dir={run_dir}", *small, f"--data={videos}"]
    running.call("pretrain", *run, *SHORT, "--steps=3", "--workers=1")
    files = RunDirectory.open(run_dir).read_files()

    said = capsys.readouterr()  # which refuses what it cannot encode
    assert r"\xfe.mp4: " in said.out
    assert "failed" not in said.err
    paths = {file["path"] for file in files["files"]}
    assert paths == {str(path) for path in videos.glob("*/*_*.mp4")}
    assert all(os.path.exists(path) for path in paths)
    page = (run_dir / "report.html").read_bytes().decode()
    assert r"caf\xe9/\xfe.mp4" in page
    assert r"vid\xe9os" in page
    (run_dir / "encoder" / "README.md").read_bytes().decode()

    (run_dir / "report.html").unlink()
    running.call("pretrain", f"--run_dir={run_dir}", "--resume")

    assert (run_dir / "report.html").exists()
    assert RunDirectory.open(run_dir).read_files() == files


def test_a_probe_names_classes_and_clips(videos, small, tmp_path, capsys):
    pytest.importorskip("sklearn")
    out = tmp_path / os.fsdecode(b"\xfcber")
    running.call(
        "probe",
        f"--encoder={small[0].removeprefix('--init_from=')}",
        "--task=folder",
        f"--data={videos}",
        "--readout=knn",
        f"--out={out}",
    )

    said = capsys.readouterr().out
    assert r"cannot be read and are left out: caf\xe9/\xfe.mp4 (" in said
    assert rf"{tmp_path}/\xfcber/report.html" in said
    answers = (out / "answers.csv").read_bytes().decode()
    assert r"caf\xe9/" in answers and r"line\nbreak" in answers
    assert len(answers.splitlines()) == 1 + 3
    page = (out / "report.html").read_bytes().decode()
    assert page.count(r"zo\xeb") >= 2  # beside and below the matrix
    found = json.loads((out / "probe.json").read_bytes())
    assert found["task_args"]["data"] == str(videos)
    assert found["groups"]["test"] == 3


def test_copies_keep_the_names(videos, tmp_path, capsys):
    small = tmp_path / os.fsdecode(b"copi\xe9s")
    prepare = [f"--data={videos}", f"--out={small}", "--short_side=24"]
    running.call("prepare", *prepare)
    running.call("prepare", *prepare)

    assert {os.fsencode(path.name) for path in small.iterdir()} == {
        *CLASSES,
        b"prepared.jsonl",
    }
    assert len(list(small.glob("*/*_*.mp4"))) == 18
    assert "0 copies written" in capsys.readouterr().out
