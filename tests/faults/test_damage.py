"""A run goes on, or says clearly why not, whatever file of it is damaged."""

import pytest

from tests.faults import damage

# `python tests/faults/run.py --damage` has every damage of every file.
CHOSEN = [
    ("checkpoints/step_00000003/model.weights.h5", "bit flip", damage.EQUAL),
    ("checkpoints/step_00000003/manifest.json", "empty", damage.EQUAL),
    ("encoder/config.json", "removed", damage.EQUAL),
    ("encoder/encoder.weights.h5", "removed", damage.EQUAL),
    ("metrics.jsonl", "half", damage.ALONE),
    ("pictures/reconstruction.npz", "half", damage.ALONE),
    ("config.json", "half", damage.CLEAR),
]


@pytest.fixture(scope="module")
def damager(shop, tmp_path_factory):
    return damage.Damager(shop, tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize(("file", "kind", "expected"), CHOSEN)
def test_a_damaged_file(damager, file, kind, expected):
    result = damager.try_one(file, kind)

    assert result.outcome == expected, result
    if expected == damage.CLEAR:
        assert file in result.said


def test_every_file_of_a_run_can_be_damaged(damager):
    assert {file for file, _, _ in CHOSEN} < set(damager.files())
