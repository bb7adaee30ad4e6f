import math

import pytest

from layerlock.runs import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7350, "2 h 2 min"),
        (90_000, "1 d 1 h"),
        (None, "unknown"),
        (math.inf, "unknown"),
    ],
)
def test_durations_use_two_units(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 FLOPs"),
        (999, "999 FLOPs"),
        (999.9, "1 kFLOPs"),
        (1.5e15, "1.5 PFLOPs"),
        (3.8e21, "3.8 ZFLOPs"),
        (3e24, "3e+03 ZFLOPs"),
        (None, "unknown"),
    ],
)
def test_large_numbers_get_a_prefix(value, text):
    assert wording.scaled(value, "FLOPs") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (512, "512 B"),
        (1536, "1.5 KiB"),
        (1023 * 1024, "0.999 MiB"),
        (80 * 2**30, "80 GiB"),
        (2000 * 2**30, "2,000 GiB"),
        (None, "unknown"),
    ],
)
def test_memory_is_in_binary_units(value, text):
    assert wording.memory(value) == text


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (None, "pixels"),
        (0, "pixels"),
        (3, "layer 3"),
        ([2], "layer 2"),
        ([1, 2], "layers 1, 2"),
        ([], "other views"),
    ],
)
def test_targets_have_names(layer, text):
    assert wording.target(layer) == text


def test_a_number_that_is_not_finite_is_said():
    assert wording.number(math.nan) == "nan"
