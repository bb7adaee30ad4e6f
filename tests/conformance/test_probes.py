"""Every probe finds what is planted. A new file in the folder is found."""

import keras
import numpy as np
import pytest

from layerlock import evaluation, plugins
from layerlock.evaluation import probes
from tests.evaluation import toys
from tests.marks import thorough_on
from tests.random_state import random_state

NAMES = plugins.names("layerlock.evaluation.probes")
DENSE = [
    name
    for name in NAMES
    if plugins.find(probes.__name__, name, probes.Probe).is_dense
]


# Once is enough on TensorFlow, which takes longest.
VIEWS = [1] if keras.backend.backend() == "tensorflow" else [1, 3]


def fast(name, steps=150):
    pytest.importorskip("sklearn")
    return probes.get(
        name,
        steps=steps,
        learning_rates=(1e-4, 1e-2),
        batch_size=32,
        hidden_dim=16,
        num_heads=2,
        num_blocks=1,
    )


def judge(task, name, **arguments):
    return evaluation.probe(
        toys.Encoder(), task, fast(name), layer=1, **arguments
    )


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize("views", VIEWS)
@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_class_that_is_planted(name, views):
    result = judge(toys.PlantedTask(views=views), name)

    assert result.metrics["top1"]["value"] > 0.9
    assert result.predictions.shape == (60, 4)
    np.testing.assert_allclose(result.predictions.sum(axis=1), 1, rtol=1e-5)
    # Settings are chosen by the validation split.
    assert len(result.trials) >= 2
    assert all("top1" in trial for trial in result.trials)


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_the_random_state_of_the_caller(name):
    before = random_state()

    evaluation.probe(toys.Encoder(), toys.PlantedTask(), fast(name, 2), layer=1)

    assert random_state() == before


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize("name", DENSE)
def test_it_finds_the_depth_that_is_planted(name):
    task = toys.PlantedTask(dense=True)
    result = evaluation.probe(toys.Encoder(), task, fast(name, 500), layer=1)

    assert result.predictions.shape == result.targets.shape
    constant = np.median(result.targets)
    floor = np.mean(np.abs(result.targets - constant) / result.targets)
    assert result.metrics["abs_rel"]["value"] < 0.75 * floor


@pytest.mark.parametrize("name", [n for n in NAMES if n not in DENSE])
def test_what_it_cannot_answer_is_refused(name):
    with pytest.raises(ValueError, match="readout='attentive'"):
        judge(toys.PlantedTask(dense=True), name)


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_are_plain(name):
    import json

    config = fast(name).get_config()

    assert config and json.loads(json.dumps(config)) == config
