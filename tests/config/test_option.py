"""An option takes values of its type, within its limits."""

import pathlib

import pytest

from layerlock.config import (
    OptionError,
    PretrainConfig,
    Section,
    option,
)
from layerlock.config.section import section


@section
class Example(Section):
    title = "Example"

    flag: bool = option(False, "A flag.")
    count: int = option(3, "A count.", low=1, high=9)
    share: float = option(0.5, "A share.", above=0)
    path: str | None = option(None, "A path.")
    names: tuple = option((), "Names.")
    numbers: tuple = option((), "Numbers.", items=int)
    kind: str = option("a", "A kind.", choices=("a", "b"))
    kind_args: dict = option("", "Arguments.")
    source: str = option("b", "A name, or an instance.", plugin=True)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flag", True, True),
        ("count", 9, 9),
        ("share", 1, 1.0),
        ("path", pathlib.Path("a/b"), "a/b"),
        ("source", pathlib.Path("a/b"), "a/b"),
        ("names", "a,b", ("a", "b")),
        ("names", ["a", 2], ("a", "2")),
        ("numbers", "1,2", (1, 2)),
        ("kind_args", {"x": 1}, {"x": 1}),
    ],
)
def test_values_are_brought_into_the_type(name, value, expected):
    found = getattr(Example(**{name: value}), name)

    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("~", "/home/me"),
        ("~/runs/a", "/home/me/runs/a"),
        (pathlib.Path("~/runs/a"), "/home/me/runs/a"),
        ("runs/~/a", "runs/~/a"),
        ("hf://me/encoder", "hf://me/encoder"),
    ],
)
@pytest.mark.parametrize("name", ["path", "source"])
def test_a_path_may_begin_at_the_home_folder(
    name, value, expected, monkeypatch
):
    monkeypatch.setenv("HOME", "/home/me")

    assert getattr(Example(**{name: value}), name) == expected


@pytest.mark.parametrize("value", ["~\0", "~\udcff", "~nobody/a"])
def test_a_path_of_another_user_is_left_as_it_is(value):
    if "\0" in value:
        with pytest.raises(OptionError, match="zero byte"):
            Example(path=value)
    else:
        assert Example(path=value).path == value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("flag", 1, "`flag` is true or false. Received: 1"),
        ("count", 2.5, "`count` is a whole number. Received: 2.5"),
        ("count", True, "`count` is a whole number. Received: True"),
        ("count", 0, "`count` must be at least 1 and at most 9. Received: 0"),
        ("count", 10, "at most 9. Received: 10"),
        ("share", 0, "`share` must be above 0. Received: 0"),
        ("share", float("nan"), "`share` must be finite. Received: nan"),
        ("share", "much", "`share` is a number. Received: 'much'"),
        ("path", 5, "`path` is a text. Received: 5"),
        ("numbers", (2.5, 8), "`numbers` is a list of whole numbers"),
        ("numbers", "1,b", "`numbers` is a list of whole numbers"),
        ("kind", "c", r"Unknown `kind`: 'c'. Expected one of \['a', 'b'\]"),
    ],
)
def test_other_values_are_refused_by_name(name, value, message):
    with pytest.raises(OptionError, match=message):
        Example(**{name: value})


def test_none_leaves_an_option_as_if_it_was_not_set():
    example = Example(count=None, path=None)

    assert example.given == frozenset()
    assert example.count == 3 and example.path is None


def test_a_section_takes_keywords_only_and_cannot_be_changed():
    with pytest.raises(TypeError):
        Example(True)
    with pytest.raises(AttributeError):
        Example().count = 4


def test_an_annotation_of_another_type_is_refused():
    @section
    class Wrong(Section):
        size: list = option([], "A list.")

    with pytest.raises(TypeError, match="Wrong.size must be one of"):
        Wrong.options()


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 60, "remat": True, "learning_rate": 1e-4},
        {"track": ("wandb", "mlflow"), "patch_size": (2, 4, 4)},
        {"schedule": "piecewise", "schedule_args": {"events": [(5, 1)]}},
        {"mask_args": "ratio=0.5", "jit_compile": False},
    ],
)
def test_flags_bring_back_what_was_set(options):
    from layerlock import plugins
    from layerlock.cli.flags import parse
    from layerlock.config import facts

    config = PretrainConfig.of(**options)
    again = parse(PretrainConfig, config.arguments())

    for name, value in config.given.items():
        if isinstance(value, dict):
            plugin = facts.plugin_class("schedule", "piecewise")
            found = plugins.parse_arguments(again.given[name], plugin)
            assert found == value
        else:
            assert again.given[name] == value
    assert again.given.keys() == config.given.keys()


def test_spaces_in_the_text_of_an_argument_stay():
    option = PretrainConfig.options()["mask_args"]

    flag = option.to_text({"path": "/my videos/a", "blocks": [(1, 2)]})

    assert flag == "--mask_args=path='/my videos/a',blocks=[(1,2)]"


def test_arguments_are_copied():
    arguments = {"ratio": 0.5}
    config = PretrainConfig.of(mask_args=arguments)

    arguments["ratio"] = 0.9

    assert config.method.mask_args == {"ratio": 0.5}


def test_a_text_with_a_zero_byte_is_refused():
    with pytest.raises(OptionError, match="`init_from` has a zero byte"):
        PretrainConfig.of(init_from="a\0b")
