"""The layout of split weights names the weights there are."""

import re

import keras
import pytest

from layerlock.models import sharding
from tests.models import networks


@pytest.fixture
def layouts():
    mesh = keras.distribution.DeviceMesh(
        shape=(1, 1), axis_names=("batch", "model"), devices=["cpu:0"]
    )
    return sharding.layout_map(mesh)


@pytest.fixture
def variables():
    return networks.small_encoder(num_layers=11).variables


def matching(pattern, variables):
    return [v for v in variables if re.match(pattern, v.path)]


def test_every_pattern_names_one_weight_of_every_block(layouts, variables):
    for pattern in layouts:
        assert len(matching(pattern, variables)) == 11, pattern


def test_no_weight_is_named_twice(layouts, variables):
    named = [
        v.path for pattern in layouts for v in matching(pattern, variables)
    ]

    assert len(named) == len(set(named))


def test_a_layout_has_one_entry_per_axis_of_its_weight(layouts, variables):
    for pattern, layout in layouts.items():
        for variable in matching(pattern, variables):
            assert len(layout.axes) == len(variable.shape), variable.path


def test_every_matrix_of_a_block_is_split(layouts, variables):
    matrices = [
        v.path for v in variables if "block_" in v.path and len(v.shape) == 2
    ]

    split = [path for path in matrices if layouts[path] is not None]

    assert matrices
    assert split == matrices


def test_weights_outside_of_the_blocks_are_copied(layouts, variables):
    others = [v.path for v in variables if "block_" not in v.path]

    assert others
    assert all(layouts[path] is None for path in others)
