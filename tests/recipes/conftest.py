"""Makes the recipes' shared modules importable, as they are for a script."""

import pathlib

import pytest

RECIPES = pathlib.Path(__file__).parents[2] / "recipes"


@pytest.fixture
def common(monkeypatch):
    """The package `recipes/common`, with its modules loaded."""
    monkeypatch.syspath_prepend(RECIPES)
    import common.options
    import common.parts
    import common.settings

    return common
