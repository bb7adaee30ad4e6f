"""What is attacked: one class per kind of input, found by its name."""

import importlib

from tests.fuzz.targets.target import Target

MODULES = (
    "options",
    "runs",
    "weights",
    "released",
    "exports",
    "arrays",
    "lists",
    "containers",
)


def all_targets() -> dict[str, type[Target]]:
    """The targets by name, in order."""
    modules = [importlib.import_module(f"{__name__}.{m}") for m in MODULES]
    classes = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Target)
        and value.__module__ == module.__name__
        and value.__doc__
    ]
    return {target.name: target for target in classes}


def prepare(name: str, folder) -> Target:
    """Builds a target, with its valid files, in a folder."""
    inside = folder / "inside"
    inside.mkdir()
    return all_targets()[name](inside)
