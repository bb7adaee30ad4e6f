"""What every task must do. A new file in the folder is found."""

import json

import numpy as np
import pytest

from layerlock import evaluation, plugins
from layerlock.evaluation.task import SPLITS, Examples
from tests.evaluation import layouts

NAMES = plugins.names("layerlock.evaluation.tasks")


@pytest.fixture(scope="module", params=NAMES)
def build(request, tmp_path_factory):
    """Builds a task, on a small data set in its layout if it needs one."""
    arguments = {"frames": 4, "size": 16}
    found = plugins.find(
        "layerlock.evaluation.tasks", request.param, evaluation.Task
    )
    if "data" in plugins.argument_names(found):
        pytest.importorskip("av")
        folder = tmp_path_factory.mktemp(request.param)
        # A scan of 20 frames has room for clips of every fourth one.
        more = {"n": 20} if request.param == "scannet" else {}
        getattr(layouts, request.param)(folder, **more)
        arguments["data"] = str(folder)
    return lambda **more: evaluation.get(request.param, **{**arguments, **more})


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_views_with_a_target(build, split):
    task = build()
    examples = task.examples(split)

    assert isinstance(examples, Examples)
    assert len(examples) >= 1
    views, target = examples[0]
    assert views.dtype == np.uint8
    assert views.shape[1:] == (task.frames, task.size, task.size, 3)
    if task.is_dense:
        assert target.shape == views.shape[1:4]
        assert target.dtype == np.float32
    else:
        assert 0 <= target < len(task.class_names)
    assert isinstance(examples.name(0), str)


def test_examples_are_a_function_of_their_number(build):
    first, again = (build().examples("test")[0] for _ in range(2))

    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_no_example_is_in_two_splits(build):
    def content(split):
        examples = build().examples(split)
        return {
            (examples.name(number), examples[number][0].tobytes())
            for number in range(min(len(examples), 20))
        }

    train, validation, test = map(content, SPLITS)
    assert not (train & validation or train & test or validation & test)


def test_the_configuration_is_json_and_tells_tasks_apart(build):
    config = build().get_config()

    assert json.loads(json.dumps(config)) == config
    assert config != build(frames=2).get_config()


def test_what_is_wrong_with_the_data_is_a_list_of_sentences(build):
    assert all(isinstance(sentence, str) for sentence in build().problems)


def test_an_unknown_split_is_refused(build):
    with pytest.raises(ValueError, match="Unknown split 'dev'"):
        build().examples("dev")
