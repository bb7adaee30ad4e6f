"""The layout of split weights names the weights there are."""

import math

import pytest

from layerlock.models import sharding
from tests.models import networks

SIZES = [(2, 1), (1, 2), (2, 2)]


@pytest.fixture(scope="module")
def variables():
    return networks.small_encoder(num_layers=11).variables


def split(distribution, variables, sizes):
    """The variables that are split, by path, with their layout."""
    layout = sharding.axes(distribution)
    found = {v.path: layout(v.path, tuple(v.shape), sizes) for v in variables}
    return {path: axes for path, axes in found.items() if any(axes)}


@pytest.mark.parametrize("distribution", ["data", "fsdp", "model"])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_layout_fits_the_shape_of_its_weight(distribution, sizes, variables):
    by_path = {v.path: tuple(v.shape) for v in variables}
    parts = dict(zip(("data", "model"), sizes, strict=True))

    for path, axes in split(distribution, variables, sizes).items():
        assert len(axes) == len(by_path[path])
        named = [axis for axis in axes if axis]
        assert len(named) == len(set(named))
        for size, axis in zip(by_path[path], axes, strict=True):
            assert size % parts.get(axis, 1) == 0


def test_model_splits_every_matrix_of_a_block_and_nothing_else(variables):
    found = split("model", variables, (1, 2))

    matrices = [
        v.path for v in variables if "block_" in v.path and len(v.shape) == 2
    ]
    assert len(matrices) == 44
    assert set(matrices) <= set(found)
    assert all("block_" in path for path in found)
    assert all(set(axes) <= {None, "model"} for axes in found.values())


@pytest.mark.parametrize("sizes", [(2, 1), (2, 2)])
def test_fsdp_leaves_each_device_its_share_of_every_matrix(sizes, variables):
    found = split("fsdp", variables, sizes)
    parts = {None: 1, "data": sizes[0], "model": sizes[1]}
    blocks = [v for v in variables if "block_" in v.path and len(v.shape) == 2]

    assert len(blocks) == 44
    for variable in blocks:
        shares = [parts[axis] for axis in found[variable.path]]
        assert math.prod(shares) == math.prod(sizes)
    assert any("patch_embedding" in path for path in found)


def test_data_splits_nothing(variables):
    assert not split("data", variables, (2, 1))


def test_a_matrix_that_cannot_be_split_over_the_model_axis_is_named():
    layout = sharding.axes("model")

    with pytest.raises(ValueError, match="a divisor of 48"):
        layout("encoder/block_2/mlp_expand_kernel", (24, 48), (1, 5))


def test_a_matrix_that_cannot_be_split_over_the_data_axis_is_copied():
    layout = sharding.axes("fsdp")

    assert layout("head/kernel", (9, 15), (2, 1)) == (None, None)
