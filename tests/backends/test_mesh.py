"""Devices that do not suit a distribution are refused."""

import pytest

from layerlock.backends import mesh


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("data", None, 4, 1), "at least 2 devices"),
        (("fsdp", (4, 2), 8, 4), "make its product 4"),
        (("data", None, 6, 4), "cannot be split over 4"),
        (("model", (2, 2), 5, 4), "cannot be split over 2"),
    ],
)
def test_what_does_not_fit_is_named(arguments, sentence):
    assert sentence in mesh.refuse(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (None, None, 3, 1),
        ("none", None, 3, 1),
        ("data", None, 8, 4),
        ("model", None, 3, 4),
        ("fsdp", (2, 2), 6, 4),
        ("fsdp", None, None, 4),
    ],
)
def test_what_fits_is_not_refused(arguments):
    assert mesh.refuse(*arguments) is None
