"""Hostile input is accepted or refused with a sentence, and runs nothing."""

import pickle
import random

import pytest

pytest.importorskip("hypothesis")
pytest.importorskip("av")

from hypothesis import given, strategies

from tests.fuzz import harness, hostile, targets
from tests.fuzz.properties import examples

ONES = ("report", "containers")  # slow ones: fewer examples
NAMES = list(targets.all_targets())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The targets, prepared when they are first asked for."""
    known = {}

    def prepare(name):
        if name not in known:
            folder = tmp_path_factory.mktemp("target")
            known[name] = targets.prepare(name, folder)
        return known[name]

    return prepare


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_hostile_input_is_accepted_or_refused_with_a_sentence(name, prepared):
    target = prepared(name)

    @examples(5 if name in ONES else 15)
    @given(strategies.randoms(use_true_random=False))
    def attack(draws):
        kind, details = harness.one(target, draws)
        assert kind != "finding", details

    attack()


class _Attack(targets.Target):
    """An input that does what a test wants."""

    def __init__(self, folder, act):
        super().__init__(folder)
        self.act = act

    def draw(self, random):
        return lambda: self.act(self.folder)


def pickled(folder):
    pickle.loads(b"cos\nsystem\n(S'true'\ntR.")


def leaves(folder):
    (folder.parent / "stray").write_text("a")


def reads_a_secret(folder):
    open(folder.parent / hostile.SECRET).close()


def fills_the_memory(folder):
    bytearray(4 << 30)


def no_sentence(folder):
    {}["a"]  # noqa: B018


def not_our_sentence(folder):
    int("seven")


def runs_code(folder):
    exec("1 + 1")


@pytest.mark.parametrize(
    "act",
    [
        pickled,
        leaves,
        reads_a_secret,
        fills_the_memory,
        no_sentence,
        not_our_sentence,
        runs_code,
    ],
)
def test_the_harness_sees(act, tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()

    kind, details = harness.one(_Attack(folder, act), random.Random(0))

    assert kind == "finding", details


def test_the_harness_lets_what_is_harmless_through(tmp_path):
    attack = _Attack(tmp_path, lambda folder: None)

    kind, details = harness.one(attack, random.Random(0))

    assert (kind, details) == ("accepted", "")


def test_a_sentence_of_the_package_is_no_finding(tmp_path):
    from layerlock import json_files

    def act(folder):
        json_files.decode("[]", "a file")

    kind, details = harness.one(_Attack(tmp_path, act), random.Random(0))

    assert kind == "refused"
    assert details.startswith("a file must hold an object")


def test_mutations_repeat_with_their_seed():
    content = bytes(range(256))

    first, second = (
        [hostile.damaged(content, random.Random(seed)) for seed in range(20)]
        for _ in "ab"
    )

    assert first == second
    assert any(damaged != content for damaged in first)
