"""The formulas of V-JEPA, against NumPy."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives import Batch, _visible
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models.predictor import LatentPredictor
from layerlock.models.video_encoder import VideoEncoder
from tests.marks import thorough_on
from tests.models import networks
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
        ({"target_layer": [2, -1]}, [(2, -1)] * 3, (2, -1)),
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
        ({"visible_weight": -1}, "visible_weight=-1"),
        ({"visible_weight": float("nan")}, "visible_weight=nan"),
        ({"visible_weight": "l2"}, "visible_weight='l2'"),
        ({"visible_warmup": (0, 1)}, "visible_weight=0.0"),
        (
            {"visible_weight": 1, "visible_warmup": 0.1},
            "visible_warmup=0.1",
        ),
        (
            {"visible_weight": 1, "visible_warmup": (0.2, 0.1)},
            "visible_warmup=(0.2, 0.1)",
        ),
        ({"target_gradient": True}, "teacher='ema'"),
        ({"target_gradient": True, "teacher": "frozen"}, "teacher='frozen'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError) as refused:
        VJEPA(**arguments)
    assert named in str(refused.value)


@thorough_on("jax")
def test_several_levels_have_a_head_each_and_equal_weights():
    encoder = VideoEncoder(
        num_layers=4,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=24,
        patch_size=(2, 8, 8),
        clip_shape=(4, 32, 32),
        num_decoder_layers=0,
    )
    objective = VJEPA(target_layer=(2, -1))
    model = MaskedPretraining(encoder, objective, mask="random")
    clips = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3))

    grid = encoder.grid()
    patches = encoder.patchify(clips)
    [(visible, hidden)] = model.draw_masks(2, grid, training=False)
    features = model.encode_visible(patches, visible, grid)
    predictions = model.predict_hidden(features, visible, hidden, grid)
    teacher = model.teacher.features(clips, layers=["block_2", "block_4"])
    errors = []
    for prediction, layer in zip(predictions, (2, 4), strict=True):
        target = array(teacher[f"block_{layer}"]).reshape(2, -1, 24)
        target = np.take_along_axis(target, array(hidden)[..., None], axis=1)
        errors.append(np.abs(array(prediction) - layer_norm(target)).mean())

    assert model.target_layers == (2, 4)
    heads = model.predictor.head_layers(model.target_layers)
    assert len(heads) == 2
    assert [head.trainable for head in heads] == [True, True]
    loss = float(array(model(clips)["loss"]))
    assert loss == pytest.approx(np.mean(errors), rel=1e-4)


def test_visible_patches_count_less_far_from_hidden_ones():
    rng = np.random.default_rng(0)
    cells = np.stack([rng.permutation(60) for _ in range(2)])  # of 3x4x5
    positions = np.stack(np.unravel_index(cells, (3, 4, 5)), axis=-1)
    visible, hidden = positions[:, :9], positions[:, 9:21]

    found = array(_visible.nearness(np.int32(visible), np.int32(hidden)))

    between = visible[:, :, None] - hidden[:, None]
    nearest = np.linalg.norm(between, axis=-1).min(axis=2)
    assert nearest.max() > 1
    np.testing.assert_allclose(found[..., 0], nearest**-0.5, rtol=1e-6)


def test_the_weight_of_visible_patches_rises_once():
    def weights(*warmup):
        return [
            float(_visible.warmed_up(step, 100, *warmup))
            for step in (0, 20, 30, 40, 90)
        ]

    assert weights(0.2, 0.4) == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)
    assert weights(0.3, 0.3) == [0, 0, 1, 1, 1]
    assert weights(0, 0) == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("levels", "dtype"),
    [((-1,), "float32"), ((1, -1), "float32"), ((-1,), "float64")],
)
def test_the_loss_of_visible_patches_is_added(levels, dtype):
    objective = VJEPA(
        target_layer=levels, visible_weight=0.5, visible_warmup=(0, 0.2)
    )
    rng = np.random.default_rng(0)
    kinds, batch = [(3, 5), (4, 2)], 2
    predictions, targets, positions = [], [], []
    for visible, hidden in kinds:
        shape = (len(levels), batch, visible + hidden, 6)
        predictions.append(rng.normal(size=shape).astype(dtype))
        targets.append(rng.normal(size=shape).astype(dtype))
        cells = np.stack([rng.permutation(24) for _ in range(batch)])
        places = np.stack(np.unravel_index(cells, (2, 3, 4)), axis=-1)
        places = np.int32(places[:, : visible + hidden])
        positions.append((places[:, :visible], places[:, visible:]))

    loss = objective.batch_loss(
        [list(map(ops.convert_to_tensor, one)) for one in predictions],
        [list(map(ops.convert_to_tensor, one)) for one in targets],
        Batch(step=9_000, positions=tuple(positions)),  # half of the warm-up
    )

    expected = []
    for predicted, wanted, (seen, unseen) in zip(
        predictions, targets, positions, strict=True
    ):
        error = np.abs(predicted - wanted)
        distances = np.linalg.norm(seen[:, :, None] - unseen[:, None], axis=-1)
        near = distances.min(axis=2) ** -0.5
        number = seen.shape[1]
        visible = (error[:, :, :number] * near[None, ..., None]).mean()
        expected.append(error[:, :, number:].mean() + 0.25 * visible)
    assert float(array(loss)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_distances_are_to_all_hidden_patches_scored_or_not():
    encoder = networks.small_encoder(num_decoder_layers=0)
    model = MaskedPretraining(
        encoder,
        VJEPA(visible_weight=0.5),
        mask=RandomMask(0.5),
        target_fraction=0.2,
    )
    batches = []
    model.objective.batch_loss = lambda predictions, targets, batch: (
        batches.append((predictions, batch)) or ops.mean(predictions[0][0])
    )

    model(networks.clips())

    [(predictions, batch)] = batches
    [(visible, hidden)] = batch.positions
    assert visible.shape[1] == hidden.shape[1] == 6
    assert predictions[0][0].shape[1] == 6 + 1
    found = np.concatenate([array(visible), array(hidden)], axis=1)
    for row in found:
        assert len(np.unique(row, axis=0)) == 12  # all of the clip


def test_a_predictor_of_hidden_patches_alone_is_refused():
    encoder = networks.small_encoder(num_decoder_layers=0)
    predictor = LatentPredictor.for_encoder(encoder)

    with pytest.raises(ValueError, match="predicts hidden patches"):
        MaskedPretraining(
            encoder,
            VJEPA(visible_weight=0.5),
            mask=RandomMask(0.5),
            predictor=predictor,
        )


@pytest.mark.parametrize("layers", [(), (1, 2.5), "2"])
def test_layers_that_are_none_are_refused(layers):
    with pytest.raises(ValueError, match="`target_layer`"):
        VJEPA(target_layer=layers)
