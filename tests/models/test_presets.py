import pytest

from layerlock.models import VideoEncoder, presets

# Millions of parameters of the blocks and the patch embedding.
PAPER = {
    "video_vit_small": 21.9,
    "video_vit_base": 86.2,
    "video_vit_large": 303.9,
    "video_vit_huge": 631.7,
    "video_vit_giant": 1012,
    "video_vit_gigantic": 1844,
    "video_vit_enormous": 3807,
}


@pytest.mark.parametrize("name", PAPER)
def test_parameters_equal_the_paper_s_to_one_percent(name):
    count = presets.num_parameters(**presets.PRESETS[name])

    assert count / 1e6 == pytest.approx(PAPER[name], rel=0.01)


@pytest.mark.parametrize("name", ["video_vit_nano", "video_vit_tiny"])
def test_the_count_is_that_of_a_real_encoder(name):
    count = presets.num_parameters(**presets.PRESETS[name])

    assert count == VideoEncoder.from_preset(name).count_params()


def test_a_wide_mlp_is_counted_too():
    sizes = {**presets.PRESETS["video_vit_enormous"]}
    sizes |= {"num_layers": 1, "num_decoder_layers": 0, "hidden_dim": 448}

    count = presets.num_parameters(**sizes)

    assert count == VideoEncoder(**sizes).count_params()


def test_arguments_replace_the_preset_s():
    encoder = VideoEncoder.from_preset(
        "video_vit_nano", positions="learned", dtype="mixed_bfloat16"
    )

    assert encoder.positions == "learned"
    assert encoder.dtype_policy.name == "mixed_bfloat16"
    assert encoder.num_layers == 8


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'video_vit_pico'.*video_vit_nano"):
        VideoEncoder.from_preset("video_vit_pico")
