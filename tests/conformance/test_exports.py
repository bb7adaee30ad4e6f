"""What every format of exports must do. A new file in the folder is found."""

import tomllib

import pytest

from layerlock import plugins
from layerlock.models import exports
from tests.conformance.test_trackers import PYPROJECT
from tests.models.exports import written


@pytest.fixture(params=plugins.names("layerlock.models.exports"))
def export(request):
    return exports.get(request.param)


def test_the_code_of_the_card_is_python(export):
    code = export.usage("mine", written.encoder(), ["block_1", "block_2"])

    compile(code, "card", "exec")
    assert '"mine' in code


def test_axes_of_any_size_are_axes_of_clips(export):
    axes = export.free_axes(written.encoder())

    assert set(axes) <= {0, 1, 2} and list(axes) == sorted(axes)


def test_extras_install_what_it_needs(export):
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    packages = [p for name in export.extras.split(",") for p in extras[name]]

    for library in export.needs:
        assert any(package.startswith(library) for package in packages)


def test_without_a_library_it_is_refused(export, monkeypatch):
    monkeypatch.setattr(type(export), "needs", ("not_installed_anywhere",))

    with pytest.raises(ImportError) as refused:
        export.check_installed()

    assert f'pip install "layerlock[{export.extras}]"' in str(refused.value)
