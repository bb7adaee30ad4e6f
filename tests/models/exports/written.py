"""Exports of a small encoder."""

from layerlock.models import exports
from tests.models import networks

SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 24,
    "mlp_dim": 36,
    "patch_size": (2, 8, 8),
    "clip_shape": (4, 16, 16),
    "num_decoder_layers": 1,
}


def encoder(**arguments):
    return networks.small_encoder(**{**SIZES, **arguments})


def write(name, path, encoder, layers=None, dtype="uint8", **beside):
    """Writes an export; returns the format and its notes."""
    export = exports.get(name)
    layers = encoder.layer_names if layers is None else layers
    found = exports.Networks(encoder, **beside)
    return export, export.write(found, path, layers, dtype)


def assert_same_features(found, encoder, clips, layers):
    for name, expected in encoder.features(clips, layers).items():
        expected = networks.numpy(expected)
        values = found[name].reshape(expected.shape)
        networks.assert_close(values, expected, 1e-5)


def assert_same_weights(encoder, other):
    """Bit for bit, whatever the networks are called."""
    expected, actual = networks.weights(encoder), networks.weights(other)
    assert expected.keys() == actual.keys()
    for path, value in expected.items():
        assert (value == actual[path]).all(), path
