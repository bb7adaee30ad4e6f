"""The examples in CONTRIBUTING.md are complete and keep their contracts."""

import ast
import doctest
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from layerlock.backends import contract, keras_ops, single_process
from tests import test_borders

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLES = {
    path: source
    for path, source in re.findall(
        r"```python\n# (\S+)\n(.*?)```",
        (ROOT / "CONTRIBUTING.md").read_text(),
        flags=re.DOTALL,
    )
}
PLUGINS = [path for path in EXAMPLES if "/backends/" not in path]

LAST = """        0, "Seed of weights, clips and masks.", low=0, high=2**32 - 1
    )
"""

# Lets Python find the examples beside the plug-ins of the package.
LINK = """
import importlib, os
for path in {paths}:
    room = os.path.dirname(path)
    package = importlib.import_module(room.replace("/", "."))
    package.__path__.append(os.path.join(os.path.dirname(__file__), room))
"""


def folder_with(tmp_path):
    for path in PLUGINS:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(EXAMPLES[path])
    return tmp_path


def test_there_is_an_example_of_every_kind():
    rooms = {path.rpartition("/")[0] for path in EXAMPLES}

    assert rooms == {
        "layerlock/core/freezing/schedules",
        "layerlock/core/pretraining/masks",
        "layerlock/core/pretraining/objectives",
        "layerlock/data/sources",
        "layerlock/evaluation/tasks",
        "layerlock/evaluation/probes",
        "layerlock/backends/numpy",
    }


def test_the_plugins_meet_the_conformance_suite_by_existing(tmp_path):
    folder = folder_with(tmp_path)
    names = [pathlib.Path(path).stem for path in PLUGINS]
    (folder / "linked_examples.py").write_text(LINK.format(paths=PLUGINS))

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "linked_examples", "-v"]
        + ["tests/conformance", "-k", " or ".join(names)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    for name in names:
        assert f"[{name}" in finished.stdout or f"-{name}" in finished.stdout


def test_people_can_ask_for_the_plugins_by_name(tmp_path):
    folder = folder_with(tmp_path)
    (folder / "linked_examples.py").write_text(LINK.format(paths=PLUGINS))
    program = (
        "import runpy, sys, linked_examples; sys.argv[1:] = ['--help'];"
        "sys.path.insert(0, 'recipes');"
        "runpy.run_path('recipes/pretrain.py', run_name='__main__')"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
    )

    assert finished.returncode == 0, finished.stderr
    [choices] = re.findall(r"--objective \((.*?)\)", finished.stdout)
    assert choices.split("|") == [
        "lejepa",
        "mae",
        "mae_latent",
        "shallow",
        "vjepa",
    ]


@pytest.mark.parametrize("path", PLUGINS)
def test_the_docstrings_of_the_plugins_are_right(path):
    namespace = {"__name__": "example"}
    exec(compile(EXAMPLES[path], path, "exec"), namespace)

    runner, found = doctest.DocTestRunner(), 0
    for name, value in namespace.items():
        if isinstance(value, type) and value.__module__ == "example":
            test = doctest.DocTestParser().get_doctest(
                value.__doc__, dict(namespace), name, path, 0
            )
            found += len(test.examples)
            assert runner.run(test).failed == 0
    assert found


@pytest.mark.parametrize("rule", test_borders.RULES)
def test_the_examples_stay_within_the_borders(rule):
    for path, source in EXAMPLES.items():
        assert not rule(path, ast.parse(source))


def test_the_backend_has_all_that_the_contract_asks_for():
    [path] = set(EXAMPLES) - set(PLUGINS)

    tree = ast.parse(EXAMPLES[path])

    defined = {getattr(node, "name", None) for node in tree.body}
    shared = {*vars(keras_ops), *vars(single_process)}
    assert set(contract.NAMES) <= defined | shared


USES = """
import inspect, json
import layerlock
from layerlock import cli, commands
from layerlock.cli import flags, text
from layerlock.config import PretrainConfig
assert layerlock.__file__.startswith({folder!r}), layerlock.__file__
job = commands.find("pretrain")
assert "patience" in inspect.signature(layerlock.pretrain).parameters
assert "--patience (integer)" in text.help_page(job)
assert "| `patience` |" in text.reference()
assert PretrainConfig.of().resolve().recorded["patience"] == 3
config = flags.parse(PretrainConfig, ["--patience=5"])
assert config.resolve().training.patience == 5
cli.run("pretrain", ["--patience=0"])
"""


def test_an_option_is_one_line(tmp_path):
    path, section, line = re.search(
        r"```\n# (layerlock/config/\S+), (\w+)\n(    .*)\n```",
        (ROOT / "CONTRIBUTING.md").read_text(),
    ).groups()
    shutil.copytree(
        ROOT / "layerlock",
        tmp_path / "layerlock",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    file = tmp_path / path
    head, body = file.read_text().split(f"class {section}(")
    file.write_text(
        head + f"class {section}(" + body.replace(LAST, LAST + line + "\n")
    )

    finished = subprocess.run(
        [sys.executable, "-c", USES.format(folder=str(tmp_path))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert finished.stderr.splitlines()[-2:] == [
        "pretrain: --patience must be at least 1. Received: 0.",
        "See --help.",
    ]
