import numpy as np
import pytest

from layerlock.models import patches
from tests.models import networks
from tests.reference import encoder as reference


def test_patches_follow_by_frame_row_and_column():
    clips = networks.clips()

    cut = networks.numpy(patches.patchify(clips, (2, 4, 8)))

    assert cut.dtype == np.uint8
    for clip, patched in zip(clips, cut, strict=True):
        np.testing.assert_array_equal(
            patched, reference.patchify(clip, (2, 4, 8))
        )


def test_unpatchify_is_the_inverse_of_patchify():
    clips = networks.clips(shape=(6, 8, 24))
    grid = patches.patch_grid((6, 8, 24), (2, 4, 8))

    again = patches.unpatchify(
        patches.patchify(clips, (2, 4, 8)), grid, (2, 4, 8)
    )

    np.testing.assert_array_equal(networks.numpy(again), clips)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_encoder_standardises_each_channel(dtype):
    encoder = networks.small_encoder()
    clips = networks.clips()

    cut = networks.numpy(encoder.patchify(clips.astype(dtype)))

    standardised = reference.standardise(
        clips, encoder.pixel_mean, encoder.pixel_std
    )
    expected = [reference.patchify(c, (2, 4, 8)) for c in standardised]
    assert cut.dtype == np.float32
    np.testing.assert_allclose(cut, expected, atol=1e-6)


@pytest.mark.parametrize("mean, std", [(0.5, 0.25), ((0.1, 0.2, 0.3), 0.3)])
def test_to_pixels_gives_the_clip_back(mean, std):
    encoder = networks.small_encoder(pixel_mean=mean, pixel_std=std)
    clips = networks.clips()

    again = networks.numpy(encoder.to_pixels(encoder.patchify(clips)))

    assert again.dtype == np.float32
    np.testing.assert_allclose(again, clips, atol=1e-3)


def test_patches_stay_float32_in_a_mixed_precision_encoder():
    encoder = networks.small_encoder(dtype="mixed_bfloat16")
    clips = networks.clips()

    cut = networks.numpy(encoder.patchify(clips))

    plain = networks.small_encoder().patchify(clips)
    np.testing.assert_array_equal(cut, networks.numpy(plain))


@pytest.mark.parametrize(
    "shape, named",
    [((5, 12, 16), "frames"), ((4, 13, 16), "rows"), ((4, 12, 4), "columns")],
)
def test_a_clip_that_does_not_divide_is_refused_by_axis(shape, named):
    encoder = networks.small_encoder()

    with pytest.raises(ValueError, match=f"The {named} of the clip") as error:
        encoder.patchify(networks.clips(shape=shape))

    assert "Use clips of" in str(error.value)


def test_a_clip_without_its_batch_axis_is_refused():
    with pytest.raises(ValueError, match=r"\(batch, frames, height, width, 3"):
        patches.patchify(networks.clips()[0], (2, 4, 8))


def test_unpatchify_refuses_missing_patches():
    with pytest.raises(ValueError, match=r"\(batch, 12, 192\)"):
        patches.unpatchify(np.zeros((1, 5, 192)), (2, 3, 2), (2, 4, 8))


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"patch_size": (2, 4)}, "patch_size"),
        ({"patch_size": (2, 4, 0)}, "patch_size"),
        ({"clip_shape": (4, 12, 16.5)}, "clip_shape"),
        ({"pixel_mean": (0.5, 0.5)}, "pixel_mean"),
        ({"pixel_std": 0.0}, "pixel_std"),
        ({"pixel_std": (0.2, 0.2, -0.2)}, "pixel_std"),
        ({"pixel_std": (0.2, 0.2, 1e300)}, "pixel_std"),
        ({"pixel_mean": float("nan")}, "pixel_mean"),
    ],
)
def test_wrong_sizes_and_statistics_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}` must be"):
        networks.small_encoder(**arguments)
