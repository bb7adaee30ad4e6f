"""Which framework is chosen, and when the choice is left to the person."""

import os
import sys

import pytest

from layerlock import environment


@pytest.fixture
def machine(monkeypatch):
    """A machine without KERAS_BACKEND, on which Keras was not imported."""
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(environment, "_chosen", [])

    def install(*frameworks):
        monkeypatch.setattr(environment, "installed", lambda: list(frameworks))

    return install


def test_the_only_framework_is_taken_and_named(machine):
    machine("torch")

    assert environment.choose_backend() == "torch"
    assert os.environ["KERAS_BACKEND"] == "torch"
    assert "using torch, the only framework" in environment.note()


@pytest.mark.parametrize("frameworks", [(), ("jax", "torch")])
def test_without_exactly_one_framework_nothing_is_chosen(machine, frameworks):
    machine(*frameworks)

    assert environment.choose_backend() is None
    assert "KERAS_BACKEND" not in os.environ
    assert environment.note() == ""


@pytest.mark.parametrize(
    "frameworks, advice",
    [
        (("jax", "torch"), "Installed: ['jax', 'torch']. Set it: KERAS_BAC"),
        ((), 'pip install "layerlock[jax]"'),
    ],
)
def test_a_command_ends_where_it_would_have_to_guess(
    machine, frameworks, advice, monkeypatch
):
    machine(*frameworks)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/layerlock", "pretrain"])

    with pytest.raises(SystemExit) as ended:
        environment.choose_backend()

    assert advice in ended.value.code


def test_a_choice_is_not_changed(machine, monkeypatch):
    machine("torch")
    monkeypatch.setenv("KERAS_BACKEND", "jax")

    assert environment.choose_backend() is None
    assert os.environ["KERAS_BACKEND"] == "jax"
