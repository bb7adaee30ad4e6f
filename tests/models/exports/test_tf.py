"""SavedModels of TensorFlow."""

import keras
import pytest

from layerlock.models import exports
from tests.models import networks
from tests.models.exports import written

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow writes them"
)


@ON_TENSORFLOW
@pytest.mark.parametrize(
    ("arguments", "is_free"),
    [({"positions": "rotary_tiled"}, True), ({"positions": "learned"}, False)],
)
def test_tensorflow_computes_the_features(tmp_path, arguments, is_free):
    import tensorflow as tf

    encoder = written.encoder(final_norm=True, **arguments)
    layers = ["block_1", "final_norm"]

    export, notes = written.write("tf", tmp_path / "out", encoder, layers)

    assert bool(notes) == (not is_free)
    assert export.free_axes(encoder) == ((0, 1, 2) if is_free else ())
    program = tf.saved_model.load(tmp_path / "out")
    sizes = [(1, (4, 16, 16)), (3, (6, 8, 24))]
    for batch, shape in sizes if is_free else sizes[:1]:
        clips = networks.clips(batch, shape)
        features = program.serve(tf.constant(clips))
        assert set(features) == set(layers)
        features = {k: v.numpy() for k, v in features.items()}
        written.assert_same_features(features, encoder, clips, layers)


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="TensorFlow writes them"
)
def test_another_backend_is_refused(monkeypatch):
    export = exports.get("tf")
    monkeypatch.setattr(type(export), "needs", ())

    with pytest.raises(ImportError, match="KERAS_BACKEND=tensorflow"):
        export.check_installed()
