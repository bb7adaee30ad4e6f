import shlex
import shutil
import subprocess

import pytest

from layerlock.runs import configuration


def config(backend="jax", **flags):
    return {"backend": backend, "flags": flags}


def test_the_same_flags_are_accepted():
    old = config(steps=10, size=[4, 4], rate=1e-3)
    new = config(steps=10, size=(4, 4), rate=1e-3)

    configuration.compare_config(old, new)


def test_each_changed_flag_is_named_with_both_values():
    old = config(steps=10, seed=0, preset="tiny")
    new = config(steps=20, seed=1, preset="tiny")

    with pytest.raises(ValueError) as error:
        configuration.compare_config(old, new)

    assert "steps: 10 -> 20" in str(error.value)
    assert "seed: 0 -> 1" in str(error.value)
    assert "preset" not in str(error.value)


def test_a_free_flag_may_change():
    old, new = config(resume=False, workers=0), config(resume=True, workers=4)

    configuration.compare_config(old, new, may_change=("resume", "workers"))


def test_another_backend_is_refused():
    with pytest.raises(ValueError, match="backend: 'jax' -> 'torch'"):
        configuration.compare_config(config("jax"), config("torch"))


def test_a_flag_that_appeared_is_named():
    with pytest.raises(ValueError, match="seed: None -> 3"):
        configuration.compare_config(config(), config(seed=3))


def test_a_description_holds_flags_versions_and_devices():
    described = configuration.describe_run(
        {"steps": 3}, "jax", {"keras": "3.15.1"}, ["cpu:0"], model={"layers": 8}
    )

    assert described["flags"] == {"steps": 3}
    assert {"python", "keras", "numpy", "absl-py"} <= described[
        "versions"
    ].keys()
    assert described["devices"] == ["cpu:0"]
    assert described["model"] == {"layers": 8}


def test_changed_versions_are_told():
    old = {"versions": {"keras": "3.15.1", "numpy": "2.4"}}
    new = {"versions": {"keras": "3.16.0", "numpy": "2.4"}}

    assert configuration.changed_versions(old, new) == [
        "keras was 3.15.1 and is now 3.16.0."
    ]


def test_the_command_names_the_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    assert configuration.command_line().startswith("KERAS_BACKEND=torch ")


def test_a_resume_command_can_be_pasted():
    command = configuration.resume_command("torch", "my runs/a")

    assert shlex.split(command) == [
        "KERAS_BACKEND=torch",
        "layerlock",
        "pretrain",
        "--run_dir=my runs/a",
        "--resume",
    ]


def test_a_resume_command_starts_several_processes():
    command = configuration.resume_command(
        "torch", "a", ["torchrun", "--nproc_per_node=2", "-m"], ["--x=1"]
    )

    assert command == (
        "KERAS_BACKEND=torch torchrun --nproc_per_node=2 -m layerlock pretrain "
        "--run_dir=a --resume --x=1"
    )


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    code = tmp_path / "configuration.py"
    code.write_text("")
    monkeypatch.setattr(configuration, "__file__", str(code))
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    command = ["git", "-C", folder, *identity, *arguments]
    return subprocess.check_output(command, text=True).strip()


def test_the_revision_of_a_checkout_is_its_commit(checkout):
    git(checkout, "add", "configuration.py")
    git(checkout, "commit", "--quiet", "-m", "first")

    assert configuration.git_revision() == git(checkout, "rev-parse", "HEAD")


def test_changed_code_makes_the_revision_dirty(checkout):
    git(checkout, "add", "configuration.py")
    git(checkout, "commit", "--quiet", "-m", "first")
    (checkout / "configuration.py").write_text("changed = True")

    assert configuration.git_revision().endswith("-dirty")


def test_an_installed_package_has_no_revision(checkout):
    assert configuration.git_revision() is None
