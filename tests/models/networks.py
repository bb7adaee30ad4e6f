"""Small networks for the tests, and their twins in NumPy."""

import keras
import numpy as np

from layerlock.models import VideoEncoder
from tests.reference import encoder as reference

POSITIONS = ("rotary", "rotary_qk", "learned", "sincos", "none")
SIZES = {
    "num_layers": 4,
    "num_heads": 3,
    "hidden_dim": 42,  # heads of 14: two features are left over by thirds
    "mlp_dim": 60,
    "patch_size": (2, 4, 8),
    "clip_shape": (4, 12, 16),
    "num_decoder_layers": 2,
    "pixel_mean": (0.5, 0.4, 0.3),
    "pixel_std": (0.25, 0.2, 0.3),
}


def small_encoder(**arguments):
    """An encoder whose every weight is random, so that all of them count."""
    encoder = VideoEncoder(**{**SIZES, **arguments})
    randomise(encoder)
    return encoder


def randomise(layer, seed=0):
    generator = np.random.default_rng(seed)
    for variable in layer.weights:
        noise = generator.normal(size=variable.shape)
        start = 1.0 if variable.name.endswith("gamma") else 0.0
        scale = 0.5 / np.sqrt(variable.shape[0])
        variable.assign(start + scale * noise)


def weights(layer):
    """dict from the path of a variable inside of its layer to its value."""
    return {
        variable.path.split("/", 1)[1]: numpy(variable)
        for variable in layer.weights
    }


def twin(encoder):
    return reference.Encoder(
        weights(encoder),
        encoder.num_layers,
        encoder.num_heads,
        encoder.positions,
        encoder.epsilon,
        encoder.activation,
    )


def clips(batch=2, shape=(4, 12, 16), seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (batch, *shape, 3), "uint8")


def numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def assert_close(actual, expected, tolerance=1e-5):
    """The error is below `tolerance` of the largest value."""
    actual = numpy(actual).astype("float64")
    assert actual.shape == expected.shape
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    assert error < tolerance, f"relative error {error:.2e}"
