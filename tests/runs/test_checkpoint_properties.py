"""Pruning never removes the newest whole checkpoint, whatever is damaged."""

import shutil

import keras
import pytest

pytest.importorskip("hypothesis")

from hypothesis import example, given, strategies as st

from layerlock.runs import checkpoints
from tests.fuzz.properties import examples

DAMAGES = ("none", "none", "weights", "state", "manifest", "missing")


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def damage(checkpoint, kind):
    if kind == "weights":
        path = checkpoint / "model.weights.h5"
        path.write_bytes(path.read_bytes()[:-1])
    elif kind == "state":
        (checkpoint / "state.json").write_text("{")
    elif kind == "manifest":
        (checkpoint / "manifest.json").write_text("[]")
    elif kind == "missing":
        (checkpoint / "arrays.npz").unlink()


HISTORIES = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(DAMAGES)),
    min_size=1,
    max_size=4,
)


@examples(6, shrink=False)
@given(history=HISTORIES, keep=st.integers(1, 3))
@example(history=[(1, "none"), (1, "weights"), (1, "none")], keep=2)
def test_a_save_keeps_the_newest_whole_checkpoints(
    tmp_path_factory, model, history, keep
):
    folder = tmp_path_factory.mktemp("checkpoints")
    step, whole = 0, []
    for gap, kind in history:
        step += gap

        saved = checkpoints.save(folder, model, step, {}, keep=keep)

        whole.append(saved)
        kept = [
            p for p in checkpoints.find(folder) if not checkpoints.verify(p)
        ]
        assert set(whole[-keep:]) <= set(kept)
        assert checkpoints.read_newest(folder)[0] == saved
        whole = sorted(kept)
        if kind != "none":
            damage(saved, kind)
            whole.remove(saved)
    shutil.rmtree(folder)
