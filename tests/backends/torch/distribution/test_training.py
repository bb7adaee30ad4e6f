"""Several processes train as one, whatever the layout of the weights."""

import functools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from layerlock.backends.contract import variable_bytes
from tests.backends import spread
from tests.backends.torch.distribution.training import (
    ACCUMULATED,
    COPIES,
    FEW,
    FLOAT8,
    PARTS,
    RUNS,
    SAVED,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="for PyTorch only"
    ),
]
ROOT = pathlib.Path(__file__).parents[4]
STAGES = [0, 10, 17, 25]  # a step of each


@pytest.fixture(
    scope="module",
    params=[2, pytest.param(4, marks=pytest.mark.thorough)],
)
def trained(request, tmp_path_factory):
    """A folder of what the processes found, and their number."""
    folder = tmp_path_factory.mktemp(f"on_{request.param}")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run"),
            f"--nproc_per_node={request.param}",
            *("-m", "tests.backends.torch.distribution.training", folder),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    return folder, request.param


@functools.cache
def alone(run):
    return spread.train(run.alone)


def found(trained, name):
    folder, _ = trained
    with np.load(folder / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "run",
    [
        run if run in FEW else pytest.param(run, marks=pytest.mark.thorough)
        for run in RUNS
        if run not in FLOAT8
    ],
    ids=lambda run: run.name,
)
def test_thirty_steps_and_three_freezes_equal_those_of_one(run, trained):
    _, size = trained
    if size == 2 and run not in FEW:
        pytest.skip("trained by four processes")
    one, many = alone(run), found(trained, run.name)

    np.testing.assert_allclose(many["logs"], one["logs"], rtol=1e-4, atol=1e-6)
    for name in one.keys() - {"logs", "held"}:
        np.testing.assert_allclose(
            many[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_float8_learns_alike_in_copies_and_in_parts(trained):
    one = alone(FLOAT8[0])
    copies, parts = (found(trained, run.name) for run in FLOAT8)

    # Of the first step; afterwards sums in bfloat16 go apart.
    assert parts["logs"][0, 0] == copies["logs"][0, 0]
    np.testing.assert_allclose(
        parts["logs"][0], copies["logs"][0], rtol=2e-3, atol=1e-5
    )
    # Every process has scales of its own clips.
    for many in (copies, parts):
        np.testing.assert_allclose(
            many["logs"][:, 0], one["logs"][:, 0], rtol=0.05
        )
    assert one["logs"][-1, 0] < 0.6 * one["logs"][0, 0]


@pytest.mark.parametrize("run", [COPIES, PARTS], ids=lambda run: run.kind)
def test_every_frozen_block_is_sent_no_more(run, trained):
    sent = found(trained, run.name)["sent"]

    of_first, *of_blocks = -np.diff(sent[STAGES])
    # The embedding freezes with the first block, and the head changes.
    assert of_first > of_blocks[0] == of_blocks[1] > 0


def test_copies_send_the_gradients_of_trained_weights_and_no_others(trained):
    sent = found(trained, COPIES.name)["sent"]

    block = spread.build(COPIES.alone).encoder.blocks[1]
    falls = -np.diff(sent[STAGES[1:]])
    assert falls.tolist() == 2 * [variable_bytes(block.variables)]


def test_copies_send_the_gradients_of_accumulated_batches_once(trained):
    sent = found(trained, ACCUMULATED.name)["sent"]

    assert not sent[0::2].any()
    weights = spread.build(ACCUMULATED.alone).trainable_variables
    assert sent[1] == variable_bytes(weights)


def test_a_process_holds_its_share_of_weights_and_slots(trained):
    _, size = trained

    held, whole = found(trained, PARTS.name)["held"], alone(PARTS)["held"]

    assert held[0] <= 1.1 * whole[0] / size
    # What is frozen is whole in every process, and has no slots.
    model = spread.build(PARTS.alone)
    layers = keras.tree.flatten(model.freezable_layers[: spread.EVENTS[-1][1]])
    whole_in_all = variable_bytes(
        [v for layer in layers for v in layer.variables]
        + [model.feature_moments]
    )
    assert held[-1] <= whole_in_all + 1.1 * (whole[-1] - whole_in_all) / size


@pytest.mark.parametrize("kind", ["data", "fsdp"])
def test_saved_parts_are_the_same_under_each_layout(kind, trained):
    restored = found(trained, f"restored-{kind}")

    assert_equals_saved(restored, trained)


def test_one_process_reads_what_several_saved(trained):
    folder, _ = trained

    restored = spread.restored(SAVED.alone, folder / "parts")

    assert_equals_saved(restored, trained)


def assert_equals_saved(restored, trained):
    saved = found(trained, SAVED.name)
    assert len(restored) > 100
    for name, value in restored.items():
        np.testing.assert_array_equal(value, saved[name], err_msg=name)
