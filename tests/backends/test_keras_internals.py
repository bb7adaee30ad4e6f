"""Private names of Keras: all are listed, and the installed Keras has them."""

import ast
import pathlib

import keras
import pytest

from layerlock import backends
from layerlock.backends import keras_internals

BACKEND = keras.backend.backend()
LISTED = keras_internals.INSTANCE_NAMES | {
    entry.name for entry in keras_internals.PRIVATE_NAMES
}


def private_attributes(source: str) -> set[str]:
    """Private attributes that a module reads and does not make itself."""
    tree = ast.parse(source)
    used, ours = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            ours.add(node.name)
        if isinstance(node, ast.Assign):
            ours |= {
                target.attr
                for target in node.targets
                if isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            }
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            if not node.attr.startswith("__"):
                used.add(node.attr)
    return used - ours


@pytest.mark.parametrize(
    "entry",
    [
        entry
        for entry in keras_internals.PRIVATE_NAMES
        if entry.backend in (None, BACKEND)
    ],
    ids=lambda entry: entry.name,
)
def test_the_installed_keras_has_it(entry):
    assert hasattr(entry.owner, entry.name)


def test_every_private_name_in_use_is_listed():
    folder = pathlib.Path(backends.__file__).parent
    used = {
        name
        for path in folder.rglob("*.py")
        for name in private_attributes(path.read_text())
    }
    of_others = {
        "_exit",
        "_foreach_add_",
        "_foreach_mul",
        "_foreach_mul_",
        "_foreach_norm",
        "_foreach_zero_",
        "_has_any_global_hook",
        "_version",
    }

    assert used - LISTED - of_others == set()


def test_a_private_name_that_is_not_listed_is_seen():
    assert private_attributes("model._unheard_of()") == {"_unheard_of"}


def test_a_keras_without_a_name_is_refused_in_a_sentence(monkeypatch):
    gone = keras_internals.PrivateName(keras.Model, "_gone", "a reason")
    monkeypatch.setattr(keras_internals, "PRIVATE_NAMES", (gone,))

    with pytest.raises(ImportError, match=r"3.15 and 3.16.*Model._gone"):
        keras_internals.check(BACKEND)


@pytest.mark.parametrize(
    "module, name",
    [("keras.src.nowhere", None), ("keras.src.utils.module_utils", "nothing")],
)
def test_a_module_that_keras_moved_is_told_with_its_versions(module, name):
    with pytest.raises(ImportError, match=rf"3\.15 and 3\.16.*{module}"):
        keras_internals.imported(module, name)
