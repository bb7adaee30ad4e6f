"""A run that is asked to end saves first, and says how to go on."""

import json
import os
import signal

import pytest

from tests.faults import scenarios, verdict

# A step that is saved, one that is not, and a line of the log on neither.
FLAGS = (*scenarios.FLAGS, "--log_every=2", "--keep_checkpoints=9")


@pytest.fixture(scope="module")
def flags(encoder):
    return (*FLAGS, f"--init_from={encoder}")


@pytest.fixture(scope="module")
def expected(shop, flags):
    path = shop.folder / "expected"
    assert shop.run("pretrain", f"--run_dir={path}", *flags).status == 0
    return path


@pytest.mark.parametrize(("name", "step"), [("SIGTERM", 3), ("SIGUSR1", 4)])
def test_it_goes_on_bit_for_bit_from_the_step_of_the_signal(
    shop, flags, expected, tmp_path, name, step
):
    run = f"--run_dir={tmp_path / 'run'}"

    ended = shop.run("pretrain_signalled", name, step, run, *flags)

    assert ended.status == 128 + getattr(signal, name)
    *_, last = ended.said.strip().splitlines()
    assert last == (
        f"pretrain: ended by {name} at step {step}, which is saved. To go on: "
        f"KERAS_BACKEND=torch layerlock pretrain {run} --resume"
    )
    again = shop.run("pretrain", run, "--resume")
    assert again.status == 0, again.said
    assert f"Resumed from step_{step:08d}" in again.said
    found = verdict.differences(tmp_path / "run", expected)
    assert [
        text for text in found if "left over: checkpoints" not in text
    ] == []


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A `scontrol` that writes down what it is asked."""
    asked = tmp_path / "asked.txt"
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>"{asked}"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    return asked, json.dumps({"PATH": path, "SLURM_JOB_ID": "42"})


def test_slurm_gets_its_job_back_and_the_same_command_goes_on(
    shop, flags, expected, tmp_path, queue
):
    asked, environment = queue
    command = (f"--run_dir={tmp_path / 'run'}", "--requeue", *flags)

    ended = shop.run(
        "with_environment",
        environment,
        "pretrain_signalled",
        "SIGUSR1",
        3,
        *command,
    )
    again = shop.run("pretrain", *command)

    assert ended.status == 128 + signal.SIGUSR1
    assert "Job 42 is back in the queue." in ended.said
    assert asked.read_text() == "requeue 42\n"
    assert again.status == 0, again.said
    assert "Resumed from step_00000003" in again.said
    assert verdict.metrics(tmp_path / "run") == verdict.metrics(expected)


def test_a_job_that_is_cancelled_is_not_put_back(shop, flags, tmp_path, queue):
    asked, environment = queue

    ended = shop.run(
        "with_environment",
        environment,
        "pretrain_signalled",
        "SIGTERM",
        3,
        f"--run_dir={tmp_path / 'run'}",
        "--requeue",
        *flags,
    )

    assert ended.status == 128 + signal.SIGTERM
    assert not asked.exists()


def test_gradients_that_are_being_accumulated_are_waited_for(
    shop, flags, tmp_path
):
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    flags = (*flags, "--accumulation=2")
    shop.run("pretrain", f"--run_dir={whole}", *flags)

    outcome = shop.run(
        "pretrain_signalled", "SIGTERM", 3, f"--run_dir={ended}", *flags
    )
    shop.run("pretrain", f"--run_dir={ended}", "--resume")

    assert "at step 3, which is saved" in outcome.said, outcome.said
    found = verdict.differences(ended, whole)
    assert [
        text for text in found if "left over: checkpoints" not in text
    ] == []
