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


@pytest.fixture
def tensorflow(monkeypatch):
    """Starts without TensorFlow; returns a function that installs it."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")

    def install(version):
        monkeypatch.setattr(
            environment.importlib.metadata, "version", lambda name: version
        )

    return install


@pytest.mark.parametrize(
    "version, value",
    [("2.21.0", "0"), ("2.9.1", "0"), ("2.22.0rc1", None), ("3.0", None)],
)
def test_products_that_corrupt_memory_are_turned_off(
    tensorflow, version, value
):
    tensorflow(version)

    environment.avoid_onednn()

    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == value


def test_the_backend_of_keras_without_a_choice_is_tensorflow(
    tensorflow, monkeypatch
):
    tensorflow("2.21.0")
    monkeypatch.delenv("KERAS_BACKEND")

    environment.avoid_onednn()

    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_onednn_stays_on_where_it_was_asked_for(tensorflow, monkeypatch):
    tensorflow("2.21.0")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")

    environment.avoid_onednn()

    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"


def test_other_frameworks_are_left_alone(tensorflow, monkeypatch):
    tensorflow("2.21.0")
    monkeypatch.setenv("KERAS_BACKEND", "jax")

    environment.avoid_onednn()

    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ
