"""The encoder in plain PyTorch computes what the encoder in Keras does."""

import keras
import pytest

from layerlock.models import portable
from layerlock.models.positions import KINDS
from tests.models import networks

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
WITH_GRID = {"position_grid": (2, 4, 3), "final_norm": True, "epsilon": 1e-5}
RELEASED = {"activation": "gelu_tanh", "final_norm_epsilon": 1e-3}


def assert_same_features(**arguments):
    from layerlock.backends.torch.portable.encoder import PyTorchEncoder

    sizes = {"num_layers": 2, "hidden_dim": 48, **arguments}
    encoder = networks.small_encoder(**sizes)
    twin = PyTorchEncoder(**portable.arguments(encoder))
    arrays = portable.to_arrays(encoder)
    twin.load_state_dict({k: torch.tensor(v) for k, v in arrays.items()})

    for shape in (encoder.clip_shape, (6, 8, 40)):
        clips = networks.clips(shape=shape)
        with torch.no_grad():
            found = twin(twin.standardise(torch.from_numpy(clips)))
        expected = encoder.features(clips)
        assert len(found) == len(expected)
        for actual, values in zip(found, expected.values(), strict=True):
            values = networks.numpy(values)
            networks.assert_close(actual.reshape(values.shape), values)


@pytest.mark.parametrize("positions", KINDS)
def test_features_are_equal_for_every_kind_of_positions(positions):
    assert_same_features(positions=positions)


@pytest.mark.parametrize(
    "positions",
    ["rotary_interleaved", "learned", "sincos_uniform", "sincos_half_time"],
)
def test_features_are_equal_for_positions_of_another_grid(positions):
    assert_same_features(positions=positions, **WITH_GRID, **RELEASED)


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "silu"])
def test_features_are_equal_for_every_activation(activation):
    assert_same_features(activation=activation, final_norm=True)


@pytest.mark.parametrize("hidden_dim", [45, 15])  # heads of 15 and of 5
def test_features_are_equal_for_heads_of_an_odd_width(hidden_dim):
    assert_same_features(positions="rotary_tiled", hidden_dim=hidden_dim)
