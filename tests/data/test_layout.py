"""What is in a scene stays within what is said of it."""

import numpy as np
import pytest

from layerlock.data import layout, outlines


@pytest.fixture(scope="module")
def scenes():
    return [layout.draw(np.random.default_rng(seed)) for seed in range(400)]


def test_equal_generators_draw_equal_scenes():
    first, second = (layout.draw(np.random.default_rng(7)) for _ in range(2))

    assert first.motion == second.motion
    for one, other in zip(first.shapes, second.shapes, strict=True):
        assert one.depth == other.depth
        np.testing.assert_array_equal(one.position, other.position)


def test_the_layers_lie_behind_one_another(scenes):
    for scene in scenes:
        middle, near = scene.shapes
        for depth, (low, high) in (
            (near.depth, layout.NEAR_DEPTH),
            (middle.depth, layout.MIDDLE_DEPTH),
            (scene.background.depth, layout.FAR_DEPTH),
        ):
            assert low <= depth <= high


def test_a_shape_can_be_told_from_the_background_by_its_colour(scenes):
    for scene in scenes:
        for shape in scene.shapes:
            away = np.linalg.norm(shape.colour - scene.background.colour)
            assert away > layout.MIN_COLOUR_DISTANCE


def test_the_waves_of_a_background_differ_and_fit_the_image(scenes):
    for scene in scenes:
        vectors = scene.background.vectors
        assert len(np.unique(vectors, axis=0)) == layout.NUM_WAVES
        np.testing.assert_array_equal(vectors, np.round(vectors))
        opposite = -vectors
        assert not any((vectors == one).all(-1).any() for one in opposite)


def test_every_class_and_every_direction_occurs(scenes):
    shapes = {scene.shapes[-1].shape_class for scene in scenes}
    motions = {scene.motion for scene in scenes}

    assert shapes == set(range(len(outlines.CLASS_NAMES)))
    assert motions == set(range(len(layout.MOTION_NAMES)))


def test_class_and_direction_are_independent(scenes):
    table = np.zeros((len(layout.MOTION_NAMES), len(outlines.CLASS_NAMES)))
    for scene in scenes:
        table[scene.motion, scene.shapes[-1].shape_class] += 1
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()

    # 99.9 % of such tables lie below, with 49 degrees of freedom.
    assert ((table - expected) ** 2 / expected).sum() < 86
