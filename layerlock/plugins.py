"""Finds and lists plug-ins by their file name."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil


def names(package: str) -> list[str]:
    """Returns the names of the plug-ins in a package.

    A plug-in is a module of the package. Modules that start with an
    underscore, and `base`, which holds the abstract class, are not plug-ins.

    Args:
        package: Dotted name of the package, for instance
            `"layerlock.core.freezing.schedules"`.

    Example:

    >>> names("layerlock.core.freezing.schedules")
    ['converged', 'linear', 'never', 'piecewise']
    """
    folders = importlib.util.find_spec(package).submodule_search_locations
    return sorted(
        module.name
        for module in pkgutil.iter_modules(folders)
        if not module.ispkg
        and not module.name.startswith("_")
        and module.name != "base"
    )


def find(package: str, name: str, base: type) -> type:
    """Returns the subclass of `base` that the module `name` defines.

    Args:
        package: Dotted name of the package that holds the plug-ins.
        name: File name of the plug-in, without `.py`.
        base: The abstract class that the plug-in implements.

    Example:

    >>> from layerlock.core.freezing.schedules.base import FreezeSchedule
    >>> package = "layerlock.core.freezing.schedules"
    >>> find(package, "never", FreezeSchedule).__name__
    'NeverFreezeSchedule'
    """
    available = names(package)
    if name not in available:
        path = package.replace(".", "/")
        raise ValueError(
            f"Unknown {base.__name__} {name!r}. "
            f"Expected one of {available}. "
            f"To add it, create {path}/{name}.py "
            f"with a subclass of `{base.__name__}`."
        )
    module = importlib.import_module(f"{package}.{name}")
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ValueError(
            f"{module.__name__} must define exactly one subclass of "
            f"`{base.__name__}`. "
            f"Found: {[value.__name__ for value in classes]}. "
            "Give every plug-in a file of its own."
        )
    return classes[0]


def load(module: str):
    """Returns the module of a dotted name, imported if it was not."""
    return importlib.import_module(module)


def find_all(package: str, base: type) -> dict[str, type]:
    """Imports and returns all plug-ins of a package, by name."""
    return {name: find(package, name, base) for name in names(package)}


def resolve(spec, package: str, base: type):
    """Returns an instance of `base` from an instance or a plug-in's name.

    Args:
        spec: An instance of `base`, returned as it is, or the name of a
            plug-in, which is built with its default arguments.
        package: Dotted name of the package that holds the plug-ins.
        base: The abstract class that the plug-in implements.
    """
    if isinstance(spec, base):
        return spec
    if isinstance(spec, str):
        return find(package, spec, base)()
    raise ValueError(
        f"Expected a `{base.__name__}`, the configuration of one, or a name "
        f"out of {names(package)}. Received: {spec!r} "
        f"(of type {type(spec).__name__})."
    )


def parse_arguments(text: str, plugin_class: type) -> dict:
    """Reads `"name=value,..."` and checks it against a constructor.

    Values are Python literals; what is not a literal is taken as a string.
    Commas inside brackets or quotes do not separate arguments.

    Args:
        text: The arguments. May be empty.
        plugin_class: The class whose constructor takes them.

    Example:

    >>> from layerlock.core.freezing.schedules import LinearFreezeSchedule
    >>> parse_arguments("start_step=10,interval=5", LinearFreezeSchedule)
    {'start_step': 10, 'interval': 5}
    """
    accepted = _constructor_arguments(plugin_class)
    arguments = {}
    for item in _split_at_commas(text):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not name:
            raise ValueError(
                f"Arguments of `{plugin_class.__name__}` are written "
                f"`name=value,...`. Received: {item!r} in {text!r}. "
                "Put values that contain commas into brackets. "
                f"Accepted: {_describe(accepted)}."
            )
        if name in arguments:
            raise ValueError(
                f"Argument {name!r} of `{plugin_class.__name__}` is given "
                f"twice in {text!r}. Keep one of them."
            )
        arguments[name] = _literal(value)
    return check_arguments(arguments, plugin_class)


def check_arguments(arguments: dict, plugin_class: type) -> dict:
    """Returns a copy of a constructor's arguments, checked by name and type.

    Raises:
        ValueError: if the constructor does not take one of them.
    """
    accepted = _constructor_arguments(plugin_class)
    for name, value in arguments.items():
        if name not in accepted:
            raise ValueError(
                f"`{plugin_class.__name__}` has no argument {name!r}. "
                f"Accepted: {_describe(accepted)}."
            )
        _check_type(plugin_class, name, value, accepted[name].default)
    return dict(arguments)


def _check_type(plugin_class, name, value, default):
    """Raises if a value has another type than the default."""
    for kinds, expected in (
        ((bool,), "True or False"),
        ((int, float), "a number"),
        ((str,), "a word"),
    ):
        if isinstance(default, bool) and kinds != (bool,):
            continue
        if isinstance(default, kinds) and not isinstance(value, kinds):
            raise ValueError(
                f"Argument {name!r} of `{plugin_class.__name__}` must be "
                f"{expected}, such as {default!r}. Received: {value!r}."
            )


def argument_names(plugin_class: type) -> list[str]:
    """Returns the names of the arguments of a plug-in's constructor.

    Example:

    >>> from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
    >>> argument_names(PiecewiseFreezeSchedule)
    ['events']
    """
    return list(_constructor_arguments(plugin_class))


def describe_arguments(plugin_class: type) -> str:
    """Returns the arguments of a plug-in's constructor with their defaults.

    Example:

    >>> from layerlock.core.pretraining.masks.random import RandomMask
    >>> describe_arguments(RandomMask)
    'ratio=0.95'
    """
    return _describe(_constructor_arguments(plugin_class))


def _constructor_arguments(plugin_class):
    """Returns `{name: inspect.Parameter}` of arguments with a keyword."""
    if plugin_class.__init__ is object.__init__:
        return {}
    return {
        name: parameter
        for name, parameter in inspect.signature(
            plugin_class
        ).parameters.items()
        if parameter.kind
        in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def _describe(accepted):
    if not accepted:
        return "no arguments"
    return ", ".join(
        name
        if parameter.default is parameter.empty
        else f"{name}={parameter.default!r}"
        for name, parameter in accepted.items()
    )


def _literal(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _split_at_commas(text):
    """Splits at commas outside of brackets and quotes."""
    items, item, depth, quote = [], "", 0, None
    for character in text:
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth and not quote:
            items.append(item)
            item = ""
        else:
            item += character
    if depth or quote:
        raise ValueError(
            f"A bracket or quote is not closed. Received: {text!r}."
        )
    items.append(item)
    return [item for item in items if item.strip()]
