import pytest

from layerlock.models.checks import check_counts


def test_a_count_below_one_is_named():
    check_counts(num_heads=1, mlp_dim=4)
    with pytest.raises(ValueError, match="`mlp_dim`.*Received: mlp_dim=0"):
        check_counts(num_heads=1, mlp_dim=0)
