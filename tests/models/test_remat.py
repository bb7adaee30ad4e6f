"""The policies of rematerialisation."""

import pytest

from layerlock.config import encoder
from layerlock.models import remat


def test_every_policy_of_the_option_has_blocks():
    for policy in encoder.REMAT:
        assert remat.check(policy) == policy
        assert set(remat.of_blocks(policy, 12)) <= set(remat.WHOLE_STACK)


def test_every_third_block_is_computed_again():
    blocks = remat.of_blocks("every_3", 7)

    assert [k for k, one in enumerate(blocks, 1) if one == "blocks"] == [3, 6]


@pytest.mark.parametrize(
    "policy", ["some", "every_1", "every_0", "every_x", "every_", None, 2]
)
def test_an_unknown_policy_is_refused(policy):
    with pytest.raises(ValueError, match="'every_N' with N from 2 on"):
        remat.check(policy)
