"""A trace names steps and kernels, and is refused where it cannot be kept."""

import gzip
import json

import keras
import numpy as np
import pytest

from layerlock.runs.callbacks.trace import Trace, check_folder

BACKEND = keras.backend.backend()
# What the matrix product of a dense layer is called.
KERNELS = {"jax": "dot", "torch": "aten::matmul", "tensorflow": "MatMul"}


def fit(num_steps, *callbacks):
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.ones((num_steps, 3)), np.ones((num_steps, 2))
    model.fit(x, y, batch_size=1, verbose=0, callbacks=list(callbacks))


def read(folder) -> str:
    """The content of all files of a trace."""
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
                json.loads(content)  # it is whole
            texts.append(content.decode(errors="replace"))
    return "\n".join(texts)


def test_a_trace_names_its_steps_and_kernels(tmp_path):
    said = []

    fit(6, Trace(tmp_path, first=3, last=4, print_fn=said.append))

    found = read(tmp_path)
    assert "step 3" in found
    assert "step 4" in found
    assert "step 2" not in found
    assert "step 5" not in found
    assert KERNELS[BACKEND] in found
    assert said == [f"Trace: {tmp_path}"]


def test_two_traces_keep_out_of_each_others_way(tmp_path):
    for _ in range(2):
        callback = Trace(tmp_path, first=1, last=1, print_fn=lambda text: None)
        fit(1, callback)

    one, other = tmp_path.iterdir()
    assert read(one if one.is_dir() else tmp_path)
    assert one.name != other.name


def test_training_that_ends_before_says_so(tmp_path):
    said = []

    fit(2, Trace(tmp_path, print_fn=said.append))

    assert said == [
        "No trace was written: training ended before step 10 of this process."
    ]
    assert list(tmp_path.iterdir()) == []


class Interrupts(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_a_trace_that_is_interrupted_is_written(tmp_path):
    trace = Trace(tmp_path, first=1, print_fn=lambda text: None)
    with pytest.raises(KeyboardInterrupt):
        fit(2, trace, Interrupts())

    trace.close()

    assert "step 1" in read(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(ValueError, match="`trace` is a folder.*Received"):
        check_folder(tmp_path / "file" / "inside")

    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_is_made_and_left_empty(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_folder(None)

    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("epoch_size", [2, 3, 5])
def test_steps_are_counted_over_epochs(epoch_size, tmp_path):
    said = []
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    ones = np.ones((epoch_size, 3)), np.ones((epoch_size, 2))
    trace = Trace(tmp_path, first=4, last=7, print_fn=said.append)
    model.fit(*ones, batch_size=1, epochs=5, verbose=0, callbacks=[trace])

    found = read(tmp_path)
    assert [f"step {n}" in found for n in range(3, 9)] == [0, 1, 1, 1, 1, 0]
    assert said == [f"Trace: {tmp_path}"]
