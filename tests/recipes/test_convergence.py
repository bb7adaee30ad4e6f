"""Runs that branch off another, and the schedule that they support."""

import json
import subprocess
import sys

import keras
import pytest

from tests.marks import thorough_on
from tests.recipes.running import (
    ROOT,
    environment,
    metrics,
    succeed,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@thorough_on("torch")
@pytest.mark.slow
def test_a_branch_is_the_run_that_it_cuts_short(small, tmp_path):
    flags = [*small, "--steps=12", "--batch_size=4", "--log_every=2"]
    command = [
        sys.executable,
        str(ROOT / "recipes" / "convergence.py"),
        f"--run_dir={tmp_path}",
        *flags,
        "--layers=2",
        "--freeze_at=4,8",
    ]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    succeed(
        tmp_path / "whole",
        *flags,
        "--target=pixels",
        "--validation=scenes",
        "--schedule=piecewise",
        "--schedule_args=events=[(8,2)]",
    )

    branched = metrics(tmp_path / "layers_2_at_8")
    whole = metrics(tmp_path / "whole")
    for name in ("step", "loss", "frozen_layers", "flops", "grad_norm"):
        ours = [line[name] for line in branched]
        assert ours == [line[name] for line in whole], name
    assert [pair[:2] for pair in facts["losses"]] == [[2, 4], [2, 8]]
    assert facts["losses"][1][2] == whole[-1]["validation_loss"]
