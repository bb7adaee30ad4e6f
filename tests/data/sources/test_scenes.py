"""Scenes repeat, and their tasks have no shortcut."""

import pickle

import numpy as np
import pytest

from layerlock.data import layout
from layerlock.data.sources.scenes import ScenesSource

NUM_CLASSES = 8


def clips_and_labels(task, numbers, **arguments):
    source = ScenesSource(**arguments)
    pairs = [(source.clip(i), label_of(source, task, i)) for i in numbers]
    clips, labels = zip(*pairs, strict=True)
    return np.stack(clips).astype("float32") / 255, np.array(labels)


def label_of(source, task, index):
    scene = source.scene(index)
    return scene.motion if task == "motion" else scene.shapes[-1].shape_class


def linear_accuracy(features, labels):
    """Ridge regression on the first half, accuracy on the second."""
    features = features - features.mean(axis=0)
    features /= features.std(axis=0) + 1e-6
    half = len(features) // 2
    x, y = features[:half], np.eye(NUM_CLASSES)[labels[:half]]
    weights = np.linalg.solve(
        x.T @ x + len(x) * 0.1 * np.eye(x.shape[1]), x.T @ (y - y.mean(0))
    )
    predicted = (features[half:] @ weights + y.mean(0)).argmax(axis=1)
    return np.mean(predicted == labels[half:])


def with_products(x):
    """The features, and all products of two of them."""
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate([x, x[:, i] * x[:, j]], axis=1)


def test_a_clip_is_a_function_of_seed_and_index():
    first, second = ScenesSource(seed=3), ScenesSource(seed=3)
    clip, labels = first[7]
    again, same = pickle.loads(pickle.dumps(second))[7]

    assert np.array_equal(clip, again)
    assert labels["motion"] == same["motion"]
    assert np.array_equal(labels["depth"], same["depth"])


def test_seeds_indices_and_splits_are_different_scenes():
    clips = [
        ScenesSource(seed=0).clip(0),
        ScenesSource(seed=1).clip(0),
        ScenesSource(seed=0).clip(1),
        ScenesSource(seed=0, split="validation").clip(0),
        ScenesSource(seed=0, split="test").clip(0),
    ]
    distinct = {clip.tobytes() for clip in clips}
    assert len(distinct) == len(clips)


@pytest.mark.parametrize(("frames", "size"), [(8, 32), (3, 20), (16, 48)])
def test_any_geometry_can_be_drawn(frames, size):
    clip, labels = ScenesSource(frames=frames, size=size)[0]
    assert clip.shape == (frames, size, size, 3)
    assert clip.dtype == np.uint8
    assert labels["depth"].shape == (frames, size, size)


def test_a_patch_of_two_frames_shows_one_moment():
    clip = ScenesSource().clip(5)
    assert np.array_equal(clip[0::2], clip[1::2])
    assert not np.array_equal(clip[0], clip[2])


def test_appearance_is_not_in_the_mean_colour():
    clips, labels = clips_and_labels(
        "appearance", range(3000), frames=2, size=16
    )
    mean = clips.mean(axis=(1, 2, 3))
    spread = clips.std(axis=(1, 2, 3))
    features = with_products(np.concatenate([mean, spread], axis=1))

    assert linear_accuracy(features, labels) < 1 / NUM_CLASSES + 0.04


def test_appearance_is_not_in_one_pixel():
    clips, labels = clips_and_labels(
        "appearance", range(3000), frames=2, size=16
    )
    pixel = with_products(clips[:, 0, 8, 8])
    assert linear_accuracy(pixel, labels) < 1 / NUM_CLASSES + 0.04


def test_motion_is_not_in_one_frame():
    clips, labels = clips_and_labels("motion", range(3000), frames=2, size=16)
    frame = clips[:, 0].reshape(len(clips), -1)
    assert linear_accuracy(frame, labels) < 1 / NUM_CLASSES + 0.04


def test_motion_is_the_direction_over_the_background():
    source = ScenesSource()
    for index in range(50):
        scene = source.scene(index)
        for shape in scene.shapes:
            x, y = shape.velocity - scene.background.drift
            turn = np.arctan2(y, x) - scene.motion * np.pi / 4
            turn = (turn + np.pi) % (2 * np.pi) - np.pi
            assert abs(turn) <= layout.MOTION_SPREAD + 1e-9


def test_what_is_nearer_is_larger_and_faster():
    source = ScenesSource()
    for index in range(50):
        scene = source.scene(index)
        middle, near = scene.shapes
        drift = scene.background.drift
        assert near.depth < middle.depth < scene.background.depth
        assert near.radius > middle.radius
        assert np.linalg.norm(near.velocity - drift) > np.linalg.norm(
            middle.velocity - drift
        )


def test_the_nearer_shape_hides_the_farther_one():
    source = ScenesSource(frames=1, size=64)
    overlaps = 0
    for index in range(300):
        middle, near = source.scene(index).shapes
        away = near.position - middle.position
        away -= np.round(away)
        if np.linalg.norm(away) > middle.radius / 2:
            continue
        overlaps += 1
        depth = source[index][1]["depth"][0]
        column, row = (near.position % 1 * 64).astype(int)
        assert depth[row, column] == pytest.approx(near.depth)
    assert overlaps > 3


def test_fog_takes_contrast_with_distance():
    source = ScenesSource(frames=1, size=32)
    near, far = [], []
    for index in range(200):
        clip, labels = source[index]
        background = labels["depth"][0] == source.scene(index).background.depth
        pixels = clip[0][background].astype("float32")
        depth = source.scene(index).background.depth
        (near if depth < 5 else far).append(pixels.std())
    assert np.mean(far) < np.mean(near)


@pytest.mark.parametrize(
    "arguments",
    [{"num_clips": 0}, {"hold": 0}, {"split": "dev"}, {"frames": 0}],
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        ScenesSource(**arguments)
