"""What the tasks on procedural clips do beside what every task does."""

import numpy as np
import pytest

from layerlock import evaluation, plugins

NAMES = [
    name
    for name in plugins.names("layerlock.evaluation.tasks")
    if name.startswith("scenes")
]


def build(name, **arguments):
    return evaluation.get(name, **{"frames": 4, "size": 16, **arguments})


def test_a_split_has_as_many_examples_as_asked_for():
    task = build("scenes_depth", num_train=6, num_validation=3, num_test=4)
    found = [len(task.examples(s)) for s in ("train", "validation", "test")]
    assert found == [6, 3, 4]


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_has_clips_of_its_own(name):
    first = build(name).examples("test")[2][0]

    for other in (
        build(name).examples("train")[2][0],
        build(name, seed=1).examples("test")[2][0],
        build(name).examples("test")[3][0],
    ):
        assert not np.array_equal(first, other)


def test_mistakes_are_answered_with_what_exists():
    with pytest.raises(ValueError, match="scenes_motion"):
        evaluation.get("scenes_colour")
    with pytest.raises(ValueError, match="no argument 'colour'"):
        evaluation.get("scenes_motion", colour=1)


def test_a_task_of_ones_own_is_taken_as_it_is():
    task = build("scenes_depth")

    assert evaluation.get(task) is task


@pytest.mark.parametrize("name", NAMES)
def test_a_single_frame_is_the_first_one_all_the_time(name):
    views, target = build(name).examples("test")[1]
    still, still_target = build(name, single_frame=True).examples("test")[1]

    assert not (views == views[:, :1]).all()
    np.testing.assert_array_equal(still, views[:, :1].repeat(4, axis=1))
    if target.ndim:
        target = target[:1].repeat(4, axis=0)
    np.testing.assert_array_equal(still_target, target)
