"""Arguments of plug-ins survive being written as text and read again."""

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, strategies as st

from layerlock import plugins
from layerlock.cli import flags
from layerlock.config import OptionError, PretrainConfig
from layerlock.config.conversion import convert
from layerlock.config.encoder import REMAT
from tests.fuzz.properties import examples


class Anything:
    """A plug-in whose arguments may have any type."""

    def __init__(self, a=None, b=None, c=None):
        self.values = a, b, c


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
    ),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES)


@examples(200)
@given(ARGUMENTS)
def test_arguments_are_what_their_text_says(arguments):
    text = ",".join(f"{name}={value!r}" for name, value in arguments.items())

    assert plugins.parse_arguments(text, Anything) == arguments


@examples(200)
@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text):
    try:
        arguments = plugins.parse_arguments(text, Anything)
    except ValueError as error:
        assert (
            "Received" in str(error)
            or "twice" in str(error)
            or ("Accepted" in str(error))
        )
    else:
        assert set(arguments) <= set("abc")


@examples(100)
@given(st.lists(st.integers(-(10**9), 10**9)))
def test_a_list_of_numbers_is_read_as_it_is_written(numbers):
    text = ",".join(map(str, numbers))

    assert convert(text, tuple, int) == tuple(numbers)


@examples(60)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "steps": st.integers(1, 10**10),
            "seed": st.integers(0, 2**32 - 1),
            "weight_decay": st.floats(0, 1e6),
            "remat": st.booleans() | st.sampled_from(REMAT),
            "run_dir": st.text(min_size=1),
            "patch_size": st.tuples(*[st.integers(1, 64)] * 3),
            "mask_args": st.fixed_dictionaries({"ratio": st.floats(0, 1)}),
        },
    )
)
def test_flags_of_a_configuration_build_it_again(options):
    config = PretrainConfig.of(**options)

    again = flags.parse(PretrainConfig, config.arguments())

    if "mask_args" in options:
        text = again.given["mask_args"]
        assert text == f"ratio={options['mask_args']['ratio']!r}"
        config, again = (c.without("mask_args") for c in (config, again))
    assert again.given == config.given


@examples(100)
@given(st.sampled_from(sorted(PretrainConfig.options())), VALUES)
def test_any_value_of_an_option_is_taken_or_refused(name, value):
    try:
        config = PretrainConfig.of(**{name: value})
    except OptionError as error:
        assert name in str(error)
    else:
        assert value is None or name in config.given
