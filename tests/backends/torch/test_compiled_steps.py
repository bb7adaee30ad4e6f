"""Compiled blocks train as eager ones, with the compiler of every user."""

import shutil

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch alone compiles functions", allow_module_level=True)

import torch
from torch._dynamo.utils import counters

from tests.core import trajectory


@pytest.fixture
def compiled_frames():
    """Counts what is compiled; it is an error if PyTorch stops compiling."""
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield counters["frames"]
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++"))), reason="needs a compiler"
)
@pytest.mark.filterwarnings("ignore")  # The compiler has several warnings.
@pytest.mark.parametrize(
    "objective", ["mae", pytest.param("vjepa", marks=pytest.mark.thorough)]
)
def test_thirty_steps_and_three_freezes_are_those_of_eager_blocks(
    compiled_frames, objective
):
    eager = trajectory.train(objective, jit_compile=False)
    assert not compiled_frames["ok"]

    compiled = trajectory.train(objective, jit_compile=True)

    assert compiled_frames["ok"] >= 8  # blocks, and the loss of each stage
    np.testing.assert_allclose(compiled["losses"], eager["losses"], rtol=1e-5)
    assert compiled["weights"] == pytest.approx(eager["weights"], rel=1e-5)
