"""What every family of released weights promises."""

import pytest

from layerlock import plugins
from layerlock.models import foreign
from layerlock.models.foreign import Family
from tests.models import networks
from tests.models.foreign import files

PACKAGE = foreign.__name__


@pytest.fixture(params=foreign.names())
def name(request):
    return request.param


@pytest.fixture
def stranger(tmp_path):
    """Weights of no family."""
    arrays = {"head.weight": networks.clips().astype("float32")[0, 0, 0]}
    files.write_safetensors(tmp_path / "a.safetensors", arrays)
    return tmp_path / "a.safetensors"


def test_it_is_built_without_arguments_and_says_what_it_is(name):
    family = plugins.find(PACKAGE, name, Family)

    assert isinstance(family(), Family)
    assert family.__doc__


def test_it_refuses_the_weights_of_others(name, stranger):
    with pytest.raises(ValueError, match=r"(?s)Received: head.weight \("):
        foreign.read(stranger, name)


def test_it_does_not_recognise_the_weights_of_others(stranger):
    with pytest.raises(ValueError, match="no known family.*head.weight"):
        foreign.read(stranger)


def test_an_unknown_family_is_refused(stranger):
    with pytest.raises(ValueError, match="Unknown Family 'vjepa9'"):
        foreign.read(stranger, "vjepa9")
