"""The wheel alone, in an empty folder, runs every job to its end."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.marks import slow_but_thorough_on

pytestmark = slow_but_thorough_on("jax", "tensorflow")
ONE_BACKEND = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "torch", reason="one backend is enough"
)
ROOT = pathlib.Path(__file__).parents[1]
SOURCES = ("layerlock", "pyproject.toml", "README.md", "LICENSE")
FEW = "--task_args=num_train=24,num_validation=16,num_test=16"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel installs; dependencies are there."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    for name in SOURCES:  # building leaves files beside the sources
        source, copy = ROOT / name, folder / "source" / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy, ignore=ignored)
        else:
            shutil.copy2(source, copy)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    wheels = ["--no-deps", f"--wheel-dir={folder}", str(folder / "source")]
    subprocess.run([*pip, "wheel", *wheels], check=True)
    [wheel] = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", f"--target={site}", str(wheel)],
        check=True,
    )
    return site


def environment(site):
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def layerlock(installed, elsewhere):
    """A function that runs the installed command in an empty folder."""

    def run(*arguments):
        finished = subprocess.run(
            [sys.executable, str(installed / "bin" / "layerlock"), *arguments],
            cwd=elsewhere,
            env=environment(installed),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert finished.returncode == 0, finished.stderr[-4000:]
        return finished.stdout

    return run


@pytest.fixture(scope="module")
def run_dir(layerlock):
    layerlock("pretrain", "--steps=24", "--batch_size=4", "--run_dir=runs/a")
    return "runs/a"


def test_the_wheel_is_what_is_run(installed, elsewhere):
    program = "import layerlock; print(layerlock.__file__)"

    path = subprocess.run(
        [sys.executable, "-c", program],
        cwd=elsewhere,
        env=environment(installed),
        capture_output=True,
        text=True,
    ).stdout

    assert path.startswith(str(installed))


def test_pretrain(run_dir, elsewhere):
    lines = (elsewhere / run_dir / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 24
    assert (elsewhere / run_dir / "report.html").stat().st_size > 10_000
    assert (elsewhere / run_dir / "encoder" / "README.md").exists()


def test_probe(layerlock, run_dir, elsewhere):
    pytest.importorskip("sklearn")
    layerlock(
        "probe", f"--encoder={run_dir}", FEW, "--readout=knn", "--out=probe"
    )

    assert json.loads((elsewhere / "probe" / "probe.json").read_text())


def test_finetune(layerlock, run_dir, elsewhere):
    pytest.importorskip("sklearn")
    few = ("--steps=2", "--batch_size=4", "--out=finetuned", FEW)
    layerlock("finetune", f"--encoder={run_dir}", *few)

    assert (elsewhere / "finetuned" / "encoder" / "README.md").exists()


def test_prepare_and_visualise(layerlock, run_dir, elsewhere):
    pytest.importorskip("av")
    from tests.data import synthesise

    (elsewhere / "videos").mkdir()
    synthesise.write(elsewhere / "videos" / "a.mp4", count=16)
    layerlock("prepare", "--data=videos", "--out=copies", "--short_side=32")
    copy = elsewhere / "copies" / "a.mp4"
    assert copy.exists()

    layerlock("visualise", f"--encoder={run_dir}", f"--video={copy}")
    assert (elsewhere / "a-features.mp4").exists()


def test_convert(layerlock, run_dir, elsewhere):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    layerlock("convert", f"--from={run_dir}", "--to=transformers", "--out=hf")
    layerlock("convert", "--from=hf", "--out=back")

    assert (elsewhere / "hf" / "modeling_layerlock.py").exists()
    assert (elsewhere / "back" / "encoder.weights.h5").exists()


def test_savings_are_planned(layerlock):
    output = layerlock("savings", "--plan")

    assert json.loads(output.splitlines()[-1])["name"] == "savings plan"


@ONE_BACKEND
@pytest.mark.parametrize("job", ["pretrain", "convergence"])
def test_plans(layerlock, job):
    folder = ("--run_dir=x",) * (job == "convergence")

    output = layerlock(job, "--plan", *folder)

    assert json.loads(output.splitlines()[-1])["name"] == f"{job} plan"


@ONE_BACKEND
@pytest.mark.parametrize("job", ["probe", "finetune"])
def test_plans_of_what_is_judged(layerlock, job):
    output = layerlock(job, "--plan", "--encoder=random:video_vit_nano")

    facts = json.loads(output.splitlines()[-1])
    assert facts["name"] == f"{job} plan" and facts["flops"] > 1e9


@ONE_BACKEND
def test_one_call(installed, elsewhere):
    program = (
        "import layerlock\n"
        "run = layerlock.pretrain(steps=3, batch_size=2, run_dir='runs/b')\n"
        "print(run.metrics[-1]['loss'] > 0, run.report.exists(),"
        " run.encoder.num_layers)"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=elsewhere,
        env=environment(installed),
        capture_output=True,
        text=True,
    )

    assert finished.stdout.splitlines()[-1] == "True True 8", finished.stderr
