"""What only some probes do."""

import numpy as np
import pytest

from layerlock.evaluation import probes
from layerlock.evaluation.probes.base import choose
from tests.conformance.test_probes import judge
from tests.evaluation import toys
from tests.marks import thorough_on
from tests.models import networks


@thorough_on("jax", "tensorflow")
def test_only_the_attentive_one_looks_somewhere():
    result = judge(toys.PlantedTask(), "attentive")
    features, _ = result.features["test"].batch([0, 1])

    shown = result.probe.attention(features[:, 0])

    assert shown.shape == (2, *toys.GRID)
    np.testing.assert_allclose(shown.sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    assert judge(toys.PlantedTask(), "linear").probe.attention(features) is None


@pytest.mark.parametrize("name", ["attentive", "linear"])
def test_all_weights_are_a_function_of_the_seed(name):
    def start(seed):
        probe = probes.get(name, seed=seed)
        probe.prepare(toys.GRID, toys.PlantedTask())
        model = probe.build((*toys.GRID, toys.DIM))
        return [networks.numpy(variable) for variable in model.variables]

    first, again, other = start(1), start(1), start(2)

    assert all(map(np.array_equal, first, again))
    # Norms and biases start at 1 and 0.
    random = [value.std() > 0 for value in first]
    changed = [
        not np.array_equal(*pair) for pair in zip(first, other, strict=True)
    ]
    assert changed == random


def test_a_class_that_was_never_seen_gets_no_probability():
    class Lacking(toys.PlantedTask):
        def examples(self, split):
            found = super().examples(split)
            if split == "train":
                found.classes = np.where(found.classes == 2, 1, found.classes)
            return found

    result = judge(Lacking(), "knn")

    assert result.predictions.shape == (60, 4)
    assert not result.predictions[:, 2].any()


def test_an_answer_that_is_no_number_is_never_chosen():
    task = toys.PlantedTask(dense=True)
    found = {
        name: {"abs_rel": np.full(3, x)}
        for name, x in [
            ("broken", np.inf),
            ("lost", np.nan),
            ("bad", 0.5),
            ("good", 0.2),
        ]
    }
    names = ["broken", "lost", "bad", "good"]

    told = []

    best, trials = choose([({}, n, found[n]) for n in names], task, told.append)

    assert best == "good"
    assert len(trials) == 4 and trials == told
    with pytest.raises(ValueError, match="Lower the learning rates"):
        choose([({}, n, found[n]) for n in names[:2]], task)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("attentive", {"learning_rates": "fast"}),
        ("attentive", {"learning_rates": (1e-3, -1.0)}),
        ("linear", {"learning_rates": ()}),
        ("linear", {"steps": "2k"}),
        ("linear", {"batch_size": 0}),
        ("attentive", {"num_heads": 2.5}),
        ("knn", {"neighbours": (0,)}),
        ("logistic", {"penalties": ("1",)}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, arguments):
    [argument] = arguments
    with pytest.raises(ValueError, match=f"`{argument}` must be positive"):
        probes.get(name, **arguments)


def test_one_number_will_do():
    assert probes.get("linear", learning_rates=1e-3).learning_rates == (1e-3,)
    assert probes.get("knn", neighbours=5).neighbours == (5,)


def test_heads_that_do_not_divide_are_refused_before_anything_is_read():
    probe = probes.get("attentive", hidden_dim=100, num_heads=16)

    with pytest.raises(ValueError, match="hidden_dim=100, num_heads=16"):
        probe.check(width=96)
    probes.get("attentive", hidden_dim=64).check(width=96)
