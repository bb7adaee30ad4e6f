"""Options of the encoder: a preset, or an encoder that was exported."""

import pytest

from layerlock.config import OptionError, PretrainConfig
from layerlock.models.float8 import Float8Policy


@pytest.mark.parametrize("option", ["preset", "patch_size", "positions"])
def test_an_encoder_that_is_loaded_has_a_size_of_its_own(option):
    value = {
        "preset": "video_vit_tiny",
        "patch_size": (2, 8, 8),
        "positions": "learned",
    }[option]

    with pytest.raises(OptionError, match=f"`{option}` contradicts `init_from"):
        PretrainConfig.of(init_from="runs/a", **{option: value}).resolve()


@pytest.mark.parametrize("size", [(2, 8), (2, 8, 0), (2, 8, 8, 3)])
def test_a_patch_has_three_lengths(size):
    text = ",".join(map(str, size))

    with pytest.raises(OptionError, match=f"`patch_size`.*Received: {text}"):
        PretrainConfig.of(patch_size=size).resolve()


@pytest.mark.parametrize(
    ("precision", "policy"),
    [
        ("none", "float32"),
        ("bfloat16", "mixed_bfloat16"),
        ("float8", Float8Policy()),
    ],
)
def test_the_precision_names_the_policy_of_keras(precision, policy):
    encoder = PretrainConfig.of(mixed_precision=precision).encoder

    assert encoder.dtype == policy
