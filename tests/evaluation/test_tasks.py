"""What every task must do. A new file in the folder is found."""

import json

import numpy as np
import pytest

from layerlock import evaluation
from layerlock.core import lookup
from layerlock.evaluation.task import Examples

NAMES = [
    name
    for name in lookup.names("layerlock.evaluation.tasks")
    if name.startswith("scenes")
]


def build(name, **arguments):
    counts = {"num_train": 6, "num_validation": 3, "num_test": 4}
    return evaluation.get(
        name, **{"frames": 4, "size": 16, **counts, **arguments}
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "split, count", [("train", 6), ("validation", 3), ("test", 4)]
)
def test_examples_are_views_with_a_target(name, split, count):
    task = build(name)
    examples = task.examples(split)

    assert isinstance(examples, Examples)
    assert len(examples) == count
    views, target = examples[1]
    assert views.dtype == np.uint8
    assert views.shape == (1, task.frames, task.size, task.size, 3)
    if task.is_dense:
        assert target.shape == views.shape[1:4]
        assert target.dtype == np.float32
    else:
        assert 0 <= target < len(task.class_names)
    assert examples.name(1)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_a_function_of_split_seed_and_index(name):
    first, again = build(name).examples("test"), build(name).examples("test")
    np.testing.assert_array_equal(first[2][0], again[2][0])
    np.testing.assert_array_equal(first[2][1], again[2][1])

    others = [
        build(name).examples("train")[2],
        build(name, seed=1).examples("test")[2],
        first[3],
    ]
    for views, _ in others:
        assert not np.array_equal(views, first[2][0])


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_is_json_and_tells_tasks_apart(name):
    assert json.loads(json.dumps(build(name).get_config())) == (
        build(name).get_config()
    )
    assert build(name).get_config() != build(name, seed=1).get_config()


def test_mistakes_are_answered_with_what_exists():
    with pytest.raises(ValueError, match="scenes_motion"):
        evaluation.get("scenes_colour")
    with pytest.raises(ValueError, match="no argument 'colour'"):
        evaluation.get("scenes_motion", colour=1)
    with pytest.raises(ValueError, match="Unknown split 'dev'"):
        build("scenes_motion").examples("dev")


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
