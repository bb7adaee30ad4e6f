"""The formulas of V-JEPA, against NumPy."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.reference.predictor import layer_norm


def array(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    ("arguments", "expected", "unfrozen"),
    [
        ({}, [(1,), (2,), (3,)], (-1,)),
        ({"teacher": "self"}, [(1,), (2,), (3,)], (-1,)),
        ({"teacher": "frozen"}, [(0,), (1,), (2,)], (0,)),
        ({"target_layer": -1}, [(-1,)] * 3, (-1,)),
        ({"target_layer": 5}, [(5,)] * 3, (5,)),
    ],
)
def test_the_target_moves_deeper_as_layers_freeze(
    arguments, expected, unfrozen
):
    objective = VJEPA(**arguments)

    assert [objective.target_layers(k) for k in range(3)] == expected
    assert objective.unfrozen_target_layers() == unfrozen


def test_targets_are_normalised_without_parameters():
    values = np.random.default_rng(0).normal(3, 2, (2, 5, 12)).astype("float32")

    targets = array(VJEPA().compute_targets(values, 1))

    np.testing.assert_allclose(targets, layer_norm(values), atol=1e-5)
    raw = array(VJEPA(normalize_targets=False).compute_targets(values, 1))
    np.testing.assert_array_equal(raw, values)


@pytest.mark.parametrize(
    ("loss_type", "formula"),
    [
        ("l1", np.abs),
        ("l2", np.square),
        (
            "smooth_l1",
            lambda e: np.where(np.abs(e) < 1, e**2 / 2, np.abs(e) - 0.5),
        ),
    ],
)
def test_the_error_is_the_one_asked_for(loss_type, formula):
    rng = np.random.default_rng(1)
    predictions, targets = rng.normal(0, 2, (2, 3, 4, 5)).astype("float32")

    errors = VJEPA(loss_type=loss_type).token_error(
        ops.convert_to_tensor(predictions), ops.convert_to_tensor(targets)
    )

    np.testing.assert_allclose(
        array(errors), formula(predictions - targets), rtol=1e-5
    )


def test_the_momentum_changes_linearly_and_then_stays():
    objective = VJEPA(momentum=0.9, final_momentum=1.0, steps=10)

    momenta = [float(objective.momentum_at(step)) for step in (0, 5, 10, 99)]

    assert momenta == pytest.approx([0.9, 0.95, 1.0, 1.0])


def test_the_momentum_can_be_constant():
    objective = VJEPA(momentum=0.99925, final_momentum=0.99925)

    assert float(objective.momentum_at(70_000)) == pytest.approx(0.99925)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"momentum": -0.1}, "momentum=-0.1"),
        ({"final_momentum": 2}, "final_momentum=2"),
        ({"steps": 0}, "steps=0"),
        ({"teacher": "student"}, "teacher='student'"),
        ({"loss_type": "l3"}, "loss_type='l3'"),
        ({"target_gradient": True}, "teacher='ema'"),
        ({"target_gradient": True, "teacher": "frozen"}, "teacher='frozen'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError) as refused:
        VJEPA(**arguments)
    assert named in str(refused.value)
