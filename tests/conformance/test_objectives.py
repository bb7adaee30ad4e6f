"""What every objective must do. A new file in the folder is found."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import plugins
from layerlock.core.pretraining import objectives

STAGES = range(33)


@pytest.fixture(params=plugins.names("layerlock.core.pretraining.objectives"))
def objective(request):
    return objectives.get(request.param)


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    return rng.normal(3.0, 2.0, (2, 5, 12)).astype("float32")


def error(objective, predictions, targets):
    return ops.convert_to_numpy(
        objective.token_error(
            ops.convert_to_tensor(predictions), ops.convert_to_tensor(targets)
        )
    )


def targets_of(objective, values, layer):
    return ops.convert_to_numpy(
        objective.compute_targets(ops.convert_to_tensor(values), layer)
    )


def loss(objective, predictions, targets):
    return float(
        objective.loss(
            [ops.convert_to_tensor(value) for value in predictions],
            [ops.convert_to_tensor(value) for value in targets],
        )
    )


def test_every_stage_has_targets_which_are_outputs_of_blocks_or_pixels(
    objective,
):
    for frozen_layers in STAGES:
        for layers in (
            objective.target_layers(frozen_layers),
            objective.unfrozen_target_layers(),
        ):
            # Without any, the other views of a clip are the target.
            assert isinstance(layers, tuple)
            assert layers or objective.min_views > 1
            assert all(type(layer) is int for layer in layers)
            assert len(set(layers)) == len(layers)


def test_the_newest_target_never_moves_back(objective):
    newest = [
        max(objective.target_layers(frozen), default=0) for frozen in STAGES
    ]

    assert newest == sorted(newest)


def test_the_targets_are_a_pure_function_of_the_stage(objective):
    forwards = [objective.target_layers(frozen) for frozen in STAGES]
    backwards = [objective.target_layers(frozen) for frozen in STAGES[::-1]]

    assert forwards == backwards[::-1]


def test_the_number_of_latent_targets_is_announced(objective):
    for limit in STAGES:
        announced = objective.max_latent_targets(limit)
        for frozen_layers in range(limit + 1):
            layers = objective.target_layers(frozen_layers)
            assert sum(layer != 0 for layer in layers) <= announced


@pytest.mark.parametrize("layer", [0, 1, 4])
def test_targets_keep_their_shape_and_are_finite_even_if_flat(
    objective, values, layer
):
    targets = targets_of(objective, values, layer)
    flat = targets_of(objective, np.full_like(values, 0.25), layer)

    assert targets.shape == values.shape
    assert targets.dtype == "float32"
    assert np.isfinite(targets).all() and np.isfinite(flat).all()


@pytest.mark.parametrize("layer", [0, 1])
def test_the_target_of_a_token_does_not_depend_on_the_other_tokens(
    objective, values, layer
):
    together = targets_of(objective, values, layer)
    alone = targets_of(objective, values[:1, :1], layer)

    np.testing.assert_allclose(alone, together[:1, :1], rtol=1e-5, atol=1e-6)


def test_the_error_is_zero_where_the_prediction_is_right(objective, values):
    assert (error(objective, values, values) == 0).all()


def test_the_error_is_positive_where_the_prediction_is_wrong(objective, values):
    errors = error(objective, values + 1, values)

    assert errors.shape == values.shape
    assert (errors > 0).all()
    assert np.isfinite(errors).all()


def test_the_loss_is_the_weighted_mean_error_on_each_target(objective, values):
    others = [values[:, :, :7] * 0.5, values - 1]
    targets = [values[:, :, :7], values]

    weights = objective.target_weights(2, step=0)
    expected = sum(
        float(weight) * error(objective, prediction, target).mean()
        for weight, prediction, target in zip(
            weights, others, targets, strict=True
        )
    )

    assert loss(objective, others, targets) == pytest.approx(
        float(expected), rel=1e-5
    )


def test_views_are_compared_from_the_beginning_or_never(objective):
    has_layers = {bool(objective.target_layers(k)) for k in STAGES}

    assert has_layers == {objective.predictor != "projector"}


def test_its_default_masks_are_enough_for_it(objective):
    assert objective.default_masks_per_clip >= objective.min_views


def test_it_survives_serialisation(objective, values):
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(objective))
    )

    copy = objectives.get(config)

    assert type(copy) is type(objective)
    assert copy.get_config() == objective.get_config()
    for frozen_layers in STAGES:
        assert copy.target_layers(frozen_layers) == (
            objective.target_layers(frozen_layers)
        )
    np.testing.assert_array_equal(
        targets_of(copy, values, 1), targets_of(objective, values, 1)
    )


def test_its_arguments_can_be_typed(objective):
    text = ",".join(
        f"{name}={value!r}" for name, value in objective.get_config().items()
    )

    arguments = plugins.parse_arguments(text, type(objective))

    assert type(objective)(**arguments).get_config() == objective.get_config()


def test_an_unknown_objective_is_answered_with_those_that_exist():
    with pytest.raises(ValueError, match="Unknown Objective.*mae"):
        objectives.get("contrastive")
