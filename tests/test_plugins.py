"""Tests of finding plug-ins by file name and reading their arguments."""

import abc
import sys

import pytest

from layerlock import plugins


class Animal(abc.ABC):
    """The base class of the plug-ins in these tests."""

    @abc.abstractmethod
    def legs(self):
        """Returns the number of legs."""


class Spider(Animal):
    """A class with every kind of argument."""

    def __init__(self, legs, webs=(1, 2), name="web, spun", *, fast=False):
        self.arguments = (legs, webs, name, fast)

    def legs(self):
        return self.arguments[0]


CAT = """
import {here} as base

class Cat(base.Animal):
    def legs(self):
        return 4
"""


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    folder = tmp_path / "zoo"
    folder.mkdir()
    for name in ("__init__", "base", "_private", "empty"):
        (folder / f"{name}.py").write_text("")
    cat = CAT.format(here=__name__)
    (folder / "cat.py").write_text(cat)
    (folder / "twins.py").write_text(cat + "class Dog(Cat): pass\n")
    (folder / "notes.txt").write_text("")
    (folder / "subpackage").mkdir()
    (folder / "subpackage" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield "zoo"
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo"]:
        del sys.modules[name]


def test_names_are_the_public_modules_of_the_package(zoo):
    assert plugins.names(zoo) == ["cat", "empty", "twins"]


def test_listing_the_names_imports_no_plugin(zoo):
    plugins.names(zoo)

    assert "zoo.cat" not in sys.modules


def test_a_plugin_is_found_by_its_file_name(zoo):
    found = plugins.find(zoo, "cat", Animal)

    assert found.__name__ == "Cat"
    assert found().legs() == 4


def test_an_unknown_name_is_answered_with_the_names_that_exist(zoo):
    with pytest.raises(ValueError) as error:
        plugins.find(zoo, "cow", Animal)

    assert str(error.value) == (
        "Unknown Animal 'cow'. Expected one of ['cat', 'empty', 'twins']. "
        "To add it, create zoo/cow.py with a subclass of `Animal`."
    )


@pytest.mark.parametrize("name", ["empty", "twins"])
def test_a_plugin_file_holds_exactly_one_plugin(zoo, name):
    with pytest.raises(ValueError, match="exactly one subclass of `Animal`"):
        plugins.find(zoo, name, Animal)


def test_resolve_builds_a_name_and_returns_an_instance_as_it_is(zoo):
    cat = plugins.resolve("cat", zoo, Animal)

    assert plugins.resolve(cat, zoo, Animal) is cat


def test_resolve_refuses_what_is_no_plugin(zoo):
    with pytest.raises(ValueError, match=r"Received: 4 \(of type int\)"):
        plugins.resolve(4, zoo, Animal)


@pytest.mark.parametrize(
    "text, arguments",
    [
        ("", {}),
        ("legs=8", {"legs": 8}),
        (" legs = 8 , fast = True,", {"legs": 8, "fast": True}),
        ("webs=[(1,2),(3,4)],legs=1", {"webs": [(1, 2), (3, 4)], "legs": 1}),
        ("name='a, b',legs=None", {"name": "a, b", "legs": None}),
        ("name=a b", {"name": "a b"}),
        ("name=a=b", {"name": "a=b"}),
        ("legs=1e-3", {"legs": 1e-3}),
    ],
)
def test_arguments_are_literals_or_else_strings(text, arguments):
    assert plugins.parse_arguments(text, Spider) == arguments


def test_an_unknown_argument_is_answered_with_those_accepted():
    with pytest.raises(ValueError) as error:
        plugins.parse_arguments("wings=2", Spider)

    assert str(error.value) == (
        "`Spider` has no argument 'wings'. Accepted: "
        "legs, webs=(1, 2), name='web, spun', fast=False."
    )


def test_a_class_without_arguments_accepts_none():
    class Snail(Animal):
        def legs(self):
            return 0

    with pytest.raises(ValueError, match="Accepted: no arguments"):
        plugins.parse_arguments("legs=2", Snail)


@pytest.mark.parametrize(
    "text, message",
    [
        ("legs", "written `name=value"),
        ("=3", "written `name=value"),
        ("webs=(1,2),(3,4)", "Put values that contain commas into brackets"),
        ("legs=1,legs=2", "given twice"),
        ("webs=(1,2", "not closed"),
        ("name='a", "not closed"),
    ],
)
def test_arguments_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        plugins.parse_arguments(text, Spider)
