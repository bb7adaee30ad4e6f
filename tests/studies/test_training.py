"""Studies take the runs that are complete, and refuse other ones."""

import shutil

import keras
import pytest

import layerlock
from layerlock import backends, runs
from layerlock.core.pretraining.masks import RandomMask
from layerlock.jobs.pretraining import run_folder
from layerlock.studies.series import branching, training
from tests.recipes import running
from tests.recipes.running import refusal

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
FLAGS = ["--steps=20", "--batch_size=2"]


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    monkeypatch.setattr(training, "COMMAND", ("/missing",))


def run_config(*flags):
    return running.configure("pretrain", *flags)


@pytest.fixture
def leave_run():
    """A function that leaves what a run of some flags would have left."""

    def leave(path, flags, step=20, backend="torch", **facts):
        values = run_config(*flags, f"--run_dir={path}").resolve().recorded
        config = {"flags": values, "backend": backend, **facts}
        run = runs.RunDirectory.create(path, config)
        run.append_metrics({"step": step, "loss": 0.5})
        return run

    return leave


def test_a_complete_run_of_these_flags_is_taken(leave_run, tmp_path, capsys):
    path = tmp_path / "never"
    run = leave_run(path, FLAGS)

    assert training.train(run_config(*FLAGS), path) == run.read_metrics()
    assert f"Taking {path}, complete." in capsys.readouterr().out


def test_a_run_of_another_machine_is_taken_with_a_warning(
    leave_run, tmp_path, capsys
):
    leave_run(tmp_path / "there", FLAGS, devices=["cuda:0 H200"])
    leave_run(tmp_path / "here", FLAGS, devices=backends.devices())

    training.train(run_config(*FLAGS), tmp_path / "there")
    assert "ran on ['cuda:0 H200'], and here is" in capsys.readouterr().out
    training.train(run_config(*FLAGS), tmp_path / "here")
    assert capsys.readouterr().out.endswith(", complete.\n")


@pytest.mark.parametrize("step", [20, 10])
@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["--steps=40", "--batch_size=2"], "steps: 20 -> 40"),
        ([*FLAGS, "--seed=7"], "seed: 0 -> 7"),
        ([*FLAGS, "--preset=video_vit_tiny"], "'video_vit_tiny'"),
        (["--steps=20"], "batch_size: 2 -> 32"),  # not what is remembered
    ],
)
def test_a_run_of_other_flags_is_refused(
    leave_run, tmp_path, arguments, difference, step
):
    leave_run(tmp_path / "never", FLAGS, step)

    with pytest.raises(ValueError) as refused:
        training.train(run_config(*arguments), tmp_path / "never")

    assert difference in str(refused.value)
    assert str(tmp_path / "never") in str(refused.value)
    assert "Take another `run_dir`, or" in str(refused.value)


def test_a_run_of_another_backend_is_refused(leave_run, tmp_path):
    leave_run(tmp_path / "never", FLAGS, backend="jax")

    with pytest.raises(ValueError, match="backend: 'jax' -> 'torch'"):
        training.train(run_config(*FLAGS), tmp_path / "never")


def test_what_changes_no_number_may_change(leave_run, tmp_path):
    leave_run(tmp_path / "never", FLAGS)

    training.train(run_config(*FLAGS, "--workers=3"), tmp_path / "never")


def test_some_flags_are_free_once_a_run_is_complete(leave_run, tmp_path):
    leave_run(tmp_path / "complete", FLAGS)
    leave_run(tmp_path / "cut_off", FLAGS, step=10)
    other = run_config(*FLAGS, "--checkpoint_every=2")
    free = ["checkpoint_every"]

    training.check(other, tmp_path / "complete", free)
    with pytest.raises(ValueError, match="checkpoint_every: 4 -> 2"):
        training.check(other, tmp_path / "cut_off", free)


@pytest.mark.parametrize("step", [20, 10])
def test_a_run_of_another_teacher_is_refused(leave_run, tmp_path, step):
    flags = [*FLAGS, "--objective=vjepa"]
    leave_run(tmp_path / "run", [*flags, "--teacher=frozen"], step)

    training.check(run_config(*flags, "--teacher=frozen"), tmp_path / "run")
    with pytest.raises(ValueError, match="teacher=frozen -> teacher=self"):
        training.check(run_config(*flags, "--teacher=self"), tmp_path / "run")


def test_a_run_of_another_encoder_as_teacher_is_refused(leave_run, tmp_path):
    places = [tmp_path / name for name in ("a", "copy_of_a", "b")]
    for place in (places[0], places[2]):
        encoder = layerlock.VideoEncoder.from_preset("video_vit_nano")
        encoder.save_to_preset(place)
    shutil.copytree(places[0], places[1])
    first, copy, other = (
        run_config(*FLAGS, "--objective=vjepa", f"--teacher={place}")
        for place in places
    )
    facts = run_folder.describe(first.resolve())
    teacher = {"teacher": facts["teacher"]}
    flags = [*FLAGS, "--objective=vjepa", f"--teacher={places[0]}"]
    leave_run(tmp_path / "run", flags, **teacher)

    training.check(copy, tmp_path / "run")
    with pytest.raises(ValueError, match="teacher: the encoder in .*/a, check"):
        training.check(other, tmp_path / "run")


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(ValueError, match="thesis.tex"):
        training.train(run_config(*FLAGS), tmp_path)


def test_savings_refuses_a_second_run_before_the_first_is_trained(
    leave_run, tmp_path
):
    leave_run(tmp_path / "freezing", [*FLAGS, "--target=pixels", "--seed=7"])

    assert "seed: 7 -> 0" in refusal("savings", f"--run_dir={tmp_path}", *FLAGS)


def test_convergence_refuses_a_branch_before_the_trunk_is_trained(
    leave_run, tmp_path
):
    flags = [*FLAGS, "--target=pixels", "--validation=scenes", "--log_every=10"]
    schedule = ["--schedule=piecewise", "--schedule_args=events=[(10,2)]"]
    leave_run(tmp_path / "layers_2_at_10", [*flags, *schedule, "--seed=7"])

    said = refusal(
        "convergence",
        f"--run_dir={tmp_path}",
        *FLAGS,
        "--layers=2",
        "--freeze_at=10",
    )

    assert "seed: 7 -> 0" in said
    assert "layers_2_at_10" in said


def test_convergence_asks_for_all_checkpoints_before_a_branch_is_trained(
    leave_run, tmp_path
):
    flags = [*FLAGS, "--target=pixels", "--validation=scenes", "--log_every=2"]
    never = ["--schedule=never", "--checkpoint_every=8", "--keep_checkpoints=9"]
    run = leave_run(tmp_path / "trunk", [*flags, *never])
    (run.checkpoints_path / "step_00000008").mkdir(parents=True)

    said = refusal(
        "convergence",
        f"--run_dir={tmp_path}",
        *FLAGS,
        "--log_every=2",
        "--freeze_at=4,8",
    )

    assert "no checkpoint of step 4" in said


def test_a_branch_reads_the_files_of_its_trunk(leave_run, tmp_path):
    trunk = leave_run(tmp_path / "trunk", FLAGS)
    files = {"files": [{"position": 0, "path": "a.mp4"}]}
    trunk.write_files(files)
    (trunk.checkpoints_path / "step_00000010").mkdir(parents=True)

    branching.branch(trunk.path, 10, tmp_path / "branch", run_config(*FLAGS))

    branch = runs.RunDirectory.open(tmp_path / "branch")
    assert branch.read_files() == files


def test_instances_and_options_that_a_study_sets_are_refused(tmp_path):
    mask = RandomMask(0.5)
    with pytest.raises(ValueError, match="`mask` is an instance"):
        layerlock.savings(run_dir=tmp_path, mask=mask)
    for flags in (
        ["--schedule=never"],
        ["--schedule=piecewise", "--schedule_args=events=[]"],
    ):
        said = refusal("savings", f"--run_dir={tmp_path}", *flags)
        assert "A run without freezes" in said
    for flag in ("--target=latents", "--keep_checkpoints=1"):
        said = refusal("convergence", f"--run_dir={tmp_path}", flag)
        assert "Leave it out" in said


@pytest.mark.parametrize("study", ["savings", "convergence"])
def test_the_runs_of_a_study_are_not_put_back_into_a_queue(study, tmp_path):
    said = refusal(study, f"--run_dir={tmp_path}", "--requeue")

    assert "Leave --requeue out" in said
