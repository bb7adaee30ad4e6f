"""What freezing saved, as a command."""

import json
import subprocess
import sys

import keras
import pytest

from tests.recipes.running import ROOT, environment

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@pytest.mark.slow
def test_two_runs_are_compared_and_not_repeated(small, tmp_path):
    command = [
        sys.executable,
        str(ROOT / "recipes" / "savings.py"),
        f"--run_dir={tmp_path}",
        *small,
        "--steps=12",
        "--batch_size=4",
    ]

    def run():
        return subprocess.run(
            command, env=environment(), capture_output=True, text=True
        )

    first = run()
    assert first.returncode == 0, first.stderr[-4000:]
    facts = json.loads(first.stdout.splitlines()[-1])
    assert 0 < facts["ratio"] < 1
    assert facts["flops"] < facts["flops_unfrozen"]
    assert (tmp_path / "savings.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "savings.json").read_text()) == facts

    again = run()
    assert "Training" not in again.stdout
    for name in ("never", "freezing"):
        assert f"Taking {tmp_path / name}, complete." in again.stdout
    assert json.loads(again.stdout.splitlines()[-1]) == facts
