"""Values are brought into the type of their option, or refused."""

import fractions

import numpy as np
import pytest

from layerlock.config.conversion import convert


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (np.int64(3), int, 3),
        (np.float32(0.5), float, 0.5),
        (fractions.Fraction(1, 4), float, 0.25),
        (2, float, 2.0),
        (" a=1 ", dict, "a=1"),
        ("", tuple, ()),
        ("a,,b", tuple, ("a", "b")),
    ],
)
def test_equal_values_of_other_types_are_accepted(value, kind, expected):
    converted = convert(value, kind)

    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, int),
        (1, bool),
        (2.5, int),
        (10**400, float),
        (3, str),
        (3, tuple),
        ("3", int),
        (["a"], dict),
    ],
)
def test_other_values_are_not_converted(value, kind):
    assert convert(value, kind) is None


def test_a_number_stands_for_a_text_only_where_it_may():
    assert convert(3, str, numbers_too=True) == "3"
    assert convert(True, str, numbers_too=True) is None


@pytest.mark.parametrize("value", ["1,x", [1.5], ["1.5"]])
def test_a_list_of_whole_numbers_holds_nothing_else(value):
    assert convert(value, tuple, int) is None


def test_a_dict_is_copied():
    arguments = {"a": 1}

    converted = convert(arguments, dict)

    assert converted == arguments
    assert converted is not arguments
