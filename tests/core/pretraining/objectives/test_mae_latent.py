"""The formulas of the baseline that can collapse."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)


def weights(step, **arguments):
    objective = MaskedAutoencodingWithLatents(**arguments)
    return [float(weight) for weight in objective.target_weights(2, step)]


def test_pixels_and_a_layer_are_predicted_whatever_is_frozen():
    objective = MaskedAutoencodingWithLatents()

    assert {objective.target_layers(k) for k in range(5)} == {(0, -1)}
    assert objective.unfrozen_target_layers() == (0, -1)


def test_a_constant_weight_stays():
    assert weights(0, weight=0.3) == weights(10**6, weight=0.3) == [1.0, 0.3]


def test_a_cosine_rises_from_nothing_to_the_weight_and_stays():
    rising = [
        weights(step, weight=2.0, weight_schedule="cosine", steps=100)[1]
        for step in (0, 25, 50, 75, 100, 500)
    ]

    expected = [
        1 - np.cos(np.pi * share) for share in (0, 0.25, 0.5, 0.75, 1, 1)
    ]
    assert rising == pytest.approx(expected, abs=1e-6)


def test_the_loss_is_pixels_plus_weighted_latents():
    objective = MaskedAutoencodingWithLatents(weight=0.5)
    zeros, ones = ops.zeros((2, 3, 4)), ops.ones((2, 3, 6))

    loss = objective.loss([zeros, 2 * ones], [zeros + 1, 0 * ones])

    assert float(loss) == pytest.approx(1.0 + 0.5 * 4.0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"target_layer": 0}, "target_layer=0"),
        ({"weight": 0}, "weight=0"),
        ({"steps": 0}, "steps=0"),
        ({"weight_schedule": "linear"}, "weight_schedule='linear'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError) as refused:
        MaskedAutoencodingWithLatents(**arguments)
    assert named in str(refused.value)
