"""Which layers are targets, and what may be one."""

import pytest

from layerlock.core.pretraining import targets
from layerlock.core.pretraining.masks import MultiBlockMask, RandomMask
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)
from layerlock.core.pretraining.objectives.vjepa import VJEPA


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (MaskedAutoencoding(), [(0,), (1,), (2,), (3,), (4,)]),
        (VJEPA(), [(1,), (2,), (3,), (4,), (4,)]),
        (VJEPA(target_layer=-1), [(4,)] * 5),
        (VJEPA(target_layer=-9), [(1,)] * 5),
        (MaskedAutoencodingWithLatents(), [(0, 4)] * 5),
    ],
)
def test_layers_are_counted_from_both_ends_and_stop_at_the_deepest(
    objective, expected
):
    assert [
        targets.target_layers(objective, frozen, deepest=4)
        for frozen in range(5)
    ] == expected


@pytest.mark.parametrize(
    ("objective", "wrong"),
    [
        (VJEPA(target_layer=5), 5),
        (VJEPA(target_layer=-9), -9),
        (VJEPA(target_layer=(2, 4, 6)), 6),
        (MaskedAutoencodingWithLatents(target_layer=99), 99),
    ],
)
def test_a_chosen_layer_that_there_is_not_is_refused(objective, wrong):
    with pytest.raises(ValueError, match=f"from 1 to 4.*layer {wrong} of"):
        targets.check_chosen_layers(objective, deepest=4)


@pytest.mark.parametrize(
    "objective",
    [
        VJEPA(),
        VJEPA(target_layer=0),  # pixels, of SALT's teacher
        VJEPA(target_layer=(2, 4)),
        VJEPA(target_layer=-4),
        VJEPA(teacher="fixed", target_layer=9),  # of a deeper teacher
        MaskedAutoencodingWithLatents(),
    ],
)
def test_chosen_layers_that_there_are_are_taken(objective):
    targets.check_chosen_layers(objective, deepest=4)


def test_a_run_that_never_freezes_has_targets_of_its_own():
    assert targets.target_layers(MaskedAutoencoding(), None, 4) == (0,)
    assert targets.target_layers(VJEPA(), None, 4) == (4,)


@pytest.mark.parametrize(
    ("objective", "moves"),
    [
        (MaskedAutoencoding(), False),
        (MaskedAutoencoding(target_lag=-1), True),
        (VJEPA(), False),
        (VJEPA(teacher="frozen"), False),
        (VJEPA(teacher="frozen", target_layer=3), True),
        (VJEPA(teacher="self"), False),  # asked for by name
        (MaskedAutoencodingWithLatents(), False),
    ],
)
def test_a_target_that_moves_by_mistake_is_refused(objective, moves):
    if moves:
        with pytest.raises(ValueError, match="allow_moving_target=True"):
            targets.check_targets(objective, 2, deepest=4)
    else:
        targets.check_targets(objective, 2, deepest=4)


@pytest.mark.parametrize(
    "attribute, value", [("teacher", "emaa"), ("predictor", "transfomer")]
)
def test_a_mistyped_need_of_an_objective_is_refused(attribute, value):
    objective = MaskedAutoencoding()
    setattr(objective, attribute, value)

    with pytest.raises(ValueError, match=value):
        targets.check_objective(objective)


def test_too_few_visible_patches_are_refused():
    with pytest.raises(ValueError, match="at least 2 visible patches"):
        targets.check_mask(VJEPA(), RandomMask(0.9), (1, 2, 4))

    targets.check_mask(VJEPA(), MultiBlockMask(), (4, 4, 4))
    targets.check_mask(MaskedAutoencoding(), RandomMask(0.9), (1, 2, 4))
