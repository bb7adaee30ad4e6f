"""An encoder so small that runs compile fast."""

import pytest


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Flags that start from an encoder so small that it compiles fast."""
    import layerlock

    encoder = layerlock.VideoEncoder(
        num_layers=4,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=48,
        patch_size=(2, 8, 8),
        clip_shape=(8, 32, 32),
        num_decoder_layers=1,
        name="encoder",
    )
    path = tmp_path_factory.mktemp("encoders") / "small"
    encoder.save_to_preset(path)
    return [f"--init_from={path}"]
