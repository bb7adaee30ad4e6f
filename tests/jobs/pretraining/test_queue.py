"""A job of SLURM is put back into its queue by its name."""

import pytest

from layerlock.jobs.pretraining import queue


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A function that installs a `scontrol` of one line of shell."""

    def install(line):
        program = tmp_path / "scontrol"
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    for name in ("JOB_ID", "ARRAY_JOB_ID", "ARRAY_TASK_ID"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    return install


def test_the_task_of_an_array_is_put_back_alone(scontrol, monkeypatch):
    scontrol('test "$*" = "requeue 7_3"')
    monkeypatch.setenv("SLURM_JOB_ID", "11")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")

    assert queue.requeue() == "Job 7_3 is back in the queue."


def test_what_slurm_answers_is_told(scontrol, monkeypatch):
    scontrol("echo 'Requested operation not permitted' >&2; exit 1")
    monkeypatch.setenv("SLURM_JOB_ID", "11")

    assert queue.requeue() == (
        "SLURM refused `scontrol requeue 11`: Requested operation not permitted"
    )


def test_a_machine_without_scontrol_is_told(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "11")
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")

    assert "No such file or directory: 'scontrol'" in queue.requeue()


def test_there_is_nothing_to_put_back_without_slurm(scontrol):
    assert "in no job of SLURM" in queue.requeue()
