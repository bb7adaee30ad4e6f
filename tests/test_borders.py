"""The borders between the rooms of the package, read from its imports."""

import ast
import graphlib
import pathlib
import re
import sys

import pytest

from layerlock.backends import keras_internals

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "layerlock").rglob("*.py"))
}
PREDICTORS = "layerlock/core/pretraining/default_predictor.py"
VIDEO_LIBRARIES = ("av", "grain", "array_record", "fsspec")
MAX_LINES = 300
PRIVATE_IN_KERAS = keras_internals.INSTANCE_NAMES | {
    entry.name for entry in keras_internals.PRIVATE_NAMES
}


def imports(tree):
    """Yields `(module, node)`; `from a import b` imports the module `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node


def lines_that_import(tree, *packages):
    return [
        node.lineno
        for module, node in imports(tree)
        if any(f"{module}.".startswith(f"{name}.") for name in packages)
    ]


def is_in(path, *rooms):
    return any(path.startswith(f"layerlock/{room}") for room in rooms)


def models_import_core(path, tree):
    if is_in(path, "models/"):
        return lines_that_import(tree, "layerlock.core")


def core_names_models(path, tree):
    if is_in(path, "core/") and path != PREDICTORS:
        return lines_that_import(tree, "layerlock.models")


def freezing_imports_other_rooms_of_core(path, tree):
    if is_in(path, "core/freezing/"):  # It works with any Keras model.
        return [
            node.lineno
            for module, node in imports(tree)
            if f"{module}.".startswith("layerlock.core.")
            and not f"{module}.".startswith("layerlock.core.freezing.")
        ]


# Rooms of one line may import each other; all import those below.
FLOORS = [
    ("backends",),
    ("models",),
    ("core",),
    ("data", "runs", "report", "evaluation"),
    ("config",),
    ("jobs", "studies"),
    ("cli",),
]


def a_room_imports_upwards(path, tree):
    for number, rooms in enumerate(FLOORS):
        if is_in(path, *(f"{room}/" for room in rooms)):
            above = [room for floor in FLOORS[number + 1 :] for room in floor]
            packages = [f"layerlock.{room}" for room in above]
            return lines_that_import(tree, *packages)


def config_imports_more_than_plugins(path, tree):
    """Only `facts` looks into other rooms, and only once it is asked."""
    if not is_in(path, "config/"):
        return None
    inside = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for _, node in imports(function)
    ]
    deferred = inside if path == "layerlock/config/facts.py" else []
    ours = ("layerlock.config.", "layerlock.plugins.")
    return [
        node.lineno
        for module, node in imports(tree)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not f"{module}.".startswith(ours)
        and node not in deferred
    ]


def settings_as_a_dict(path, tree):
    """Options are attributes: a wrong name is found before it is used."""
    if not is_in(path, "config/", "jobs/", "studies/", "cli/"):
        return None
    names = ("config", "settings", "options", "flags", "section")
    return [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and node.value.id in {argument.arg for argument in function.args.args}
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]


def errors_name_flags(path, tree):
    """Errors name options; the command line adds its dashes."""
    if is_in(path, "cli/"):
        return None
    return [
        part.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and re.search(r"(?<![-\w])--[a-z]|recipes/", part.value)
    ]


def plugins_import_the_package(path, tree):
    if path == "layerlock/plugins.py":
        return lines_that_import(tree, "layerlock")


def a_framework_outside_of_backends(path, tree):
    if not is_in(path, "backends/"):
        return lines_that_import(tree, "jax", "jaxlib", "torch", "tensorflow")


def keras_source(path, tree):
    if path != "layerlock/backends/keras_internals.py":
        return lines_that_import(tree, "keras.src") + [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr == "src"
            and isinstance(node.value, ast.Name)
            and node.value.id == "keras"
        ]


def private_attributes_of_others(path, tree):
    if is_in(path, "backends/"):
        return []
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            ours = isinstance(node.value, ast.Name) and node.value.id in (
                "self",
                "cls",
            )
            private = node.attr.startswith("_") and not (
                # Names of the language, as `Enum._missing_`, and of `os`.
                node.attr.endswith("_") or node.attr == "_exit"
            )
            if node.attr in PRIVATE_IN_KERAS or (private and not ours):
                lines.append(node.lineno)
        elif isinstance(node, ast.Constant) and (
            isinstance(node.value, str) and node.value in PRIVATE_IN_KERAS
        ):
            lines.append(node.lineno)
    return lines


def schedules_import_more_than_the_standard_library(path, tree):
    if is_in(path, "core/freezing/schedules/"):
        ours = ("layerlock.core.freezing.schedules.", "layerlock.plugins.")
        return [
            node.lineno
            for module, node in imports(tree)
            if module.split(".")[0] not in sys.stdlib_module_names
            and not f"{module}.".startswith(ours)
        ]


def video_libraries_outside_of_functions_of_data(path, tree):
    inside = [
        line
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in lines_that_import(function, *VIDEO_LIBRARIES)
    ]
    allowed = inside if is_in(path, "data/") else []
    lines = lines_that_import(tree, *VIDEO_LIBRARIES)
    return [line for line in lines if line not in allowed]


def keras_in_data(path, tree):
    if is_in(path, "data/"):  # Clips are NumPy arrays.
        return lines_that_import(tree, "keras")


def a_walk_without_a_guard(path, tree):
    """Folders of people have links in circles."""
    if path == "layerlock/data/walk.py":
        return None
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == "rglob")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in ("walk", "fwalk")
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        )
        or (
            isinstance(node, ast.keyword)
            and node.arg in ("recursive", "followlinks")
        )
    ]


def outer_folders(path, tree):
    return lines_that_import(tree, "recipes", "benchmarks", "tests")


def a_choice_by_backend_name(path, tree):
    if path == "layerlock/backends/__init__.py":
        return []
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject]
        elif isinstance(node, ast.Subscript):
            sides = [node.slice]
        else:
            continue
        called = [side.func for side in sides if isinstance(side, ast.Call)]
        lines += [
            node.lineno
            for function in called
            if "backend"
            in (getattr(function, "attr", ""), getattr(function, "id", ""))
        ]
    return lines


def relative_or_star_imports(path, tree):
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.level or any(alias.name == "*" for alias in node.names))
    ]


def a_seed_of_the_process(path, tree):
    if path == "layerlock/backends/randomness.py":  # restores it
        return []
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            node.func.attr in ("set_random_seed", "manual_seed", "set_seed")
            or re.search(r"\brandom\.seed$", ast.unparse(node.func))
        )
    ]


def random_numbers_drawn_at_import(path, tree):
    # One seed for all that use it, whatever seed they were asked for.
    return [
        node.lineno
        for node in run_at_import(tree)
        if isinstance(node, ast.Call)
        and re.search(
            r"\b(initializers|random)\.\w+$|SeedGenerator$",
            ast.unparse(node.func),
        )
    ]


def run_at_import(node):
    """Yields the nodes that run when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            left_out = child.body if isinstance(child.body, list) else []
            parts = [
                part
                for part in ast.iter_child_nodes(child)
                if part not in left_out and part is not child.body
            ]
        else:
            yield child
            parts = [child]
        for part in parts:
            if part is not child:
                yield part
            yield from run_at_import(part)


def a_module_without_a_subject(path, tree):
    if pathlib.Path(path).name in ("utils.py", "helpers.py", "common.py"):
        return [1]


RULES = [
    models_import_core,
    core_names_models,
    freezing_imports_other_rooms_of_core,
    a_room_imports_upwards,
    config_imports_more_than_plugins,
    settings_as_a_dict,
    errors_name_flags,
    plugins_import_the_package,
    a_framework_outside_of_backends,
    keras_source,
    private_attributes_of_others,
    schedules_import_more_than_the_standard_library,
    video_libraries_outside_of_functions_of_data,
    keras_in_data,
    a_walk_without_a_guard,
    outer_folders,
    a_choice_by_backend_name,
    relative_or_star_imports,
    a_seed_of_the_process,
    random_numbers_drawn_at_import,
    a_module_without_a_subject,
]

OFFENDERS = [
    (a_walk_without_a_guard, "data/x.py", "os.walk(folder)"),
    (a_walk_without_a_guard, "x.py", "pathlib.Path(folder).rglob('*')"),
    (a_walk_without_a_guard, "x.py", "glob.glob('**', recursive=True)"),
    (models_import_core, "models/x.py", "from layerlock.core import masks"),
    (models_import_core, "models/x.py", "from layerlock import core"),
    (
        models_import_core,
        "models/x.py",
        "import layerlock.core.x as m",
    ),
    (core_names_models, "core/x.py", "from layerlock.models.rope import R"),
    (core_names_models, "core/objectives/x.py", "import layerlock.models"),
    (
        freezing_imports_other_rooms_of_core,
        "core/freezing/x.py",
        "from layerlock.core import normalization",
    ),
    (
        freezing_imports_other_rooms_of_core,
        "core/freezing/schedules/x.py",
        "def f():\n    import layerlock.core.monitoring.health",
    ),
    (a_room_imports_upwards, "core/costs/x.py", "from layerlock import runs"),
    (a_room_imports_upwards, "backends/x.py", "import layerlock.models.rope"),
    (a_room_imports_upwards, "runs/x.py", "from layerlock import config"),
    (a_room_imports_upwards, "config/facts.py", "import layerlock.jobs.job"),
    (a_room_imports_upwards, "jobs/x.py", "from layerlock.cli import flags"),
    (config_imports_more_than_plugins, "config/x.py", "import keras"),
    (
        config_imports_more_than_plugins,
        "config/x.py",
        "def f():\n    from layerlock.models import presets",
    ),
    (
        config_imports_more_than_plugins,
        "config/facts.py",
        "from layerlock import models",
    ),
    (settings_as_a_dict, "jobs/x.py", "def f(config):\n    config['steps']"),
    (errors_name_flags, "x.py", "raise ValueError('pass --steps')"),
    (errors_name_flags, "x.py", "raise ValueError(f'{x}: recipes/probe.py')"),
    (plugins_import_the_package, "plugins.py", "from layerlock import core"),
    (a_framework_outside_of_backends, "core/x.py", "import jax.numpy as jnp"),
    (a_framework_outside_of_backends, "x.py", "from torch import nn"),
    (
        a_framework_outside_of_backends,
        "models/x.py",
        "def f():\n    import tensorflow as tf",
    ),
    (keras_source, "core/x.py", "from keras.src import backend"),
    (keras_source, "backends/jax/x.py", "from keras.src import backend"),
    (keras_source, "core/x.py", "import keras\nkeras.src.backend"),
    (private_attributes_of_others, "core/x.py", "optimizer._variables"),
    (private_attributes_of_others, "core/x.py", "self._jax_state = None"),
    (private_attributes_of_others, "core/x.py", "model._unknown_to_us()"),
    (
        private_attributes_of_others,
        "core/x.py",
        "getattr(optimizer, '_trainable_variables')",
    ),
    (
        schedules_import_more_than_the_standard_library,
        "core/freezing/schedules/x.py",
        "import keras",
    ),
    (
        schedules_import_more_than_the_standard_library,
        "core/freezing/schedules/x.py",
        "from layerlock.core import masks",
    ),
    (
        video_libraries_outside_of_functions_of_data,
        "data/x.py",
        "import av",
    ),
    (
        video_libraries_outside_of_functions_of_data,
        "runs/x.py",
        "def f():\n    from grain import python",
    ),
    (
        video_libraries_outside_of_functions_of_data,
        "data/x.py",
        "import fsspec",
    ),
    (keras_in_data, "data/x.py", "def f():\n    from keras import ops"),
    (outer_folders, "runs/x.py", "from recipes import pretrain"),
    (outer_folders, "core/x.py", "import tests.reference"),
    (
        a_choice_by_backend_name,
        "core/x.py",
        "if keras.backend.backend() == 'jax': pass",
    ),
    (
        a_choice_by_backend_name,
        "backends/jax/x.py",
        "x = 1 if backend() in ('jax', 'torch') else 2",
    ),
    (
        a_choice_by_backend_name,
        "core/x.py",
        "match keras.config.backend():\n    case 'jax': pass",
    ),
    (
        a_choice_by_backend_name,
        "core/x.py",
        "{'jax': 1}[keras.backend.backend()]",
    ),
    (relative_or_star_imports, "core/x.py", "from . import lookup"),
    (relative_or_star_imports, "core/x.py", "from keras import *"),
    (a_seed_of_the_process, "core/x.py", "def f():\n    random.seed(1)"),
    (a_seed_of_the_process, "core/x.py", "np.random.seed(1)"),
    (a_seed_of_the_process, "x.py", "keras.utils.set_random_seed(1)"),
    (
        random_numbers_drawn_at_import,
        "models/x.py",
        "START = keras.initializers.RandomNormal(stddev=1.0)",
    ),
    (
        random_numbers_drawn_at_import,
        "models/x.py",
        "class X:\n    def f(self, seed=keras.random.SeedGenerator()):\n"
        "        pass",
    ),
    (a_module_without_a_subject, "core/utils.py", ""),
]

INNOCENT = [
    (
        core_names_models,
        "core/pretraining/default_predictor.py",
        "import layerlock.models",
    ),
    (a_framework_outside_of_backends, "backends/jax/x.py", "import jax"),
    (a_framework_outside_of_backends, "core/x.py", "import jaxtyping"),
    (private_attributes_of_others, "backends/x.py", "model._jax_state"),
    (private_attributes_of_others, "core/x.py", "self._steps = ()"),
    (
        schedules_import_more_than_the_standard_library,
        "core/freezing/schedules/x.py",
        "import bisect\nfrom layerlock import plugins",
    ),
    (
        video_libraries_outside_of_functions_of_data,
        "data/x.py",
        "def f():\n    import av",
    ),
    (
        a_choice_by_backend_name,
        "backends/__init__.py",
        "keras.backend.backend() == 'jax'",
    ),
    (a_choice_by_backend_name, "runs/x.py", "keras.backend.backend()"),
    (a_seed_of_the_process, "core/x.py", "np.random.default_rng(seed)"),
    (
        random_numbers_drawn_at_import,
        "models/x.py",
        "def f():\n    return keras.initializers.RandomNormal()",
    ),
]


def import_graph(sources):
    """Returns `{module: modules it imports}` of the given files."""
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): (
            ast.parse(source)
        )
        for path, source in sources.items()
    }
    graph = {}
    for module, tree in modules.items():
        graph[module] = set()
        for imported, _ in imports(tree):
            parent = imported.rpartition(".")[0]
            if imported in modules:
                graph[module].add(imported)
            elif parent in modules:
                graph[module].add(parent)
    return graph


def too_long(sources):
    return [
        f"{path}: {len(source.splitlines())}"
        for path, source in sources.items()
        if len(source.splitlines()) > MAX_LINES
    ]


def rule_name(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_no_file_crosses_the_border(rule):
    crossed = [
        f"{path}:{line}"
        for path, source in SOURCES.items()
        for line in rule(path, ast.parse(source)) or []
    ]

    assert crossed == []


@pytest.mark.parametrize("rule, path, source", OFFENDERS, ids=rule_name)
def test_a_crossing_is_seen(rule, path, source):
    assert rule(f"layerlock/{path}", ast.parse(source))


@pytest.mark.parametrize("rule, path, source", INNOCENT, ids=rule_name)
def test_what_is_allowed_is_not_reported(rule, path, source):
    assert not rule(f"layerlock/{path}", ast.parse(source))


def test_every_rule_is_shown_able_to_fail():
    assert {rule for rule, _, _ in OFFENDERS} == set(RULES)


def test_no_module_is_above_300_lines():
    assert too_long(SOURCES) == []


def test_a_module_above_300_lines_is_seen():
    sources = {"layerlock/a.py": "x = 1\n" * 300, "layerlock/b.py": "\n" * 301}

    assert too_long(sources) == ["layerlock/b.py: 301"]


def test_there_are_no_import_cycles():
    graphlib.TopologicalSorter(import_graph(SOURCES)).prepare()


def test_a_cycle_is_seen_even_inside_of_functions():
    graph = import_graph(
        {
            "layerlock/a.py": "from layerlock.b import one",
            "layerlock/b.py": "def f():\n    from layerlock.c import C",
            "layerlock/c.py": "from layerlock import a",
        }
    )

    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph).prepare()
