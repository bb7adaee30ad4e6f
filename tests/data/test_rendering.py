"""What is drawn: layers over one another, under noise."""

import dataclasses

import numpy as np
import pytest

from layerlock.data import layout, randomness, rendering

TIMES = np.arange(0, 8, 2)


def scene(seed=0, shapes=True):
    drawn = layout.draw(np.random.default_rng(seed))
    return drawn if shapes else dataclasses.replace(drawn, shapes=())


def generator(number=0):
    return randomness.generator(0, 1, number)


def test_the_background_is_the_sum_of_its_waves():
    background = scene(shapes=False).background
    x = (np.arange(16) + 0.5) / 16
    contrast = np.exp(-rendering.FOG * (background.depth - 1))
    truth = np.zeros((len(TIMES), 16, 16, 3))
    for time, image in zip(TIMES, truth, strict=True):
        for (along_x, along_y), phase, channels in zip(
            background.vectors,
            background.phases,
            background.amplitudes,
            strict=True,
        ):
            moved = np.stack(np.meshgrid(x, x), axis=-1)
            moved = moved - time * background.drift
            turns = moved @ (along_x, along_y)
            wave = np.cos(2 * np.pi * turns + phase)
            image += wave[..., None] * channels * contrast
        image += 0.5 + (background.colour - 0.5) * contrast

    images = rendering.pixels(scene(shapes=False), TIMES, 16, generator())

    away = images - np.clip(truth * 255, 0, 255)
    assert abs(away.mean()) < 0.3
    assert np.abs(away).max() < 6 * rendering.NOISE_DEVIATION * 255


def test_a_shape_hides_what_is_behind_it():
    drawn = scene()
    near = dataclasses.replace(drawn.shapes[-1], amplitudes=np.zeros((2, 3)))
    drawn = dataclasses.replace(drawn, shapes=(drawn.shapes[0], near))

    images = rendering.pixels(drawn, TIMES, 64, generator())

    shown = rendering.depth(drawn, TIMES, 64) == np.float32(near.depth)
    inside = images[shown].astype(float)
    contrast = np.exp(-rendering.FOG * (near.depth - 1))
    colour = 255 * (0.5 + (near.colour - 0.5) * contrast)
    np.testing.assert_allclose(np.median(inside, axis=0), colour, atol=2)


def test_noise_has_its_deviation_and_rounds_to_the_nearest_level():
    noise = rendering._noise(generator(), (4, 3, 64, 64))

    deviation = 255 * rendering.NOISE_DEVIATION
    assert noise.std() == pytest.approx(deviation, rel=0.05)
    assert noise.mean() == pytest.approx(0.5, abs=0.1)
    neighbours = noise[..., 1:] - 0.5, noise[..., :-1] - 0.5
    assert abs(np.mean(neighbours[0] * neighbours[1])) < 0.05 * deviation**2


def test_every_row_and_every_clip_has_noise_of_its_own():
    noise = rendering._noise(generator(0), (4, 3, 32, 32)).reshape(-1, 32)
    other = rendering._noise(generator(1), (4, 3, 32, 32)).reshape(-1, 32)

    rows = {row.tobytes() for row in noise} | {row.tobytes() for row in other}

    assert len(rows) > 0.98 * (len(noise) + len(other))


@pytest.mark.parametrize(("times", "size"), [(1, 1), (1, 7), (3, 33)])
def test_any_number_of_images_of_any_size(times, size):
    drawn = rendering.pixels(scene(), np.arange(times), size, generator())

    assert drawn.shape == (times, size, size, 3)
    assert drawn.dtype == np.uint8
    assert drawn.flags.c_contiguous
