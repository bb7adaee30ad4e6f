"""What every experiment tracker must do. A new file in the folder is found."""

import ast
import inspect
import pathlib
import sys
import tomllib

import pytest

from layerlock import plugins
from layerlock.runs import trackers
from tests.runs.offline import offline, trackio_folder  # noqa: F401

PYPROJECT = pathlib.Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture(params=plugins.names("layerlock.runs.trackers"))
def name(request):
    return request.param


def test_it_is_built_without_arguments(name):
    assert isinstance(trackers.find(name)(), trackers.Tracker)


def test_its_library_is_imported_inside_functions_only(name):
    found = trackers.find(name)

    tree = ast.parse(inspect.getsource(sys.modules[found.__module__]))

    for node in tree.body:
        modules = [getattr(node, "module", None)] + [
            alias.name for alias in getattr(node, "names", [])
        ]
        for module in filter(None, modules):
            assert module.split(".")[0] != found.library


def test_an_extra_installs_its_library(name):
    extras = tomllib.loads(PYPROJECT.read_text())["project"]
    found = trackers.find(name)

    packages = extras["optional-dependencies"][found.extra]

    assert any(package.startswith(found.library) for package in packages)


def test_without_its_library_it_is_refused(name, monkeypatch):
    found = trackers.find(name)
    monkeypatch.setattr(found, "library", "not_installed_anywhere")

    with pytest.raises(ImportError) as refused:
        trackers.check([name])

    assert f'pip install "layerlock[{found.extra}]"' in str(refused.value)


@pytest.mark.filterwarnings("default")  # they are those of the libraries
def test_a_run_goes_on_in_its_record(name, offline):  # noqa: F811
    found = trackers.find(name)
    if not found.is_installed():
        pytest.skip(f"{found.library} is not installed")
    report = offline / "report.html"
    report.write_text("<p>report</p>")

    first = found()
    record = first.start(offline, {"flags": {"steps": 20}})
    first.log_scalars({"learning/loss": 1.0, "layers/cka_1": 0.5}, step=10)
    first.close()
    second = found()
    resumed = second.start(offline, {"flags": {"steps": 20}}, record, 6)
    second.log_scalars({"learning/loss": 0.5}, step=6)
    second.log_event("freeze", "Frozen layers: 1.", step=6)
    second.attach_report(report)
    second.close()

    assert isinstance(record, str) and record
    assert resumed == record
