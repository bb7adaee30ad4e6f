"""Puts a job of SLURM back into its queue."""

import os
import subprocess


def job_name() -> str | None:
    """The name of the job that this process is in, `None` without SLURM."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array:
        return f"{array}_{os.environ.get('SLURM_ARRAY_TASK_ID', '0')}"
    return os.environ.get("SLURM_JOB_ID")


def requeue() -> str:
    """Puts the job back; returns what became of it."""
    job = job_name()
    if job is None:
        return "It is in no job of SLURM that could be put back into the queue."
    command = ["scontrol", "requeue", job]
    try:
        subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        return f"SLURM refused `{' '.join(command)}`: {said}"
    return f"Job {job} is back in the queue."
