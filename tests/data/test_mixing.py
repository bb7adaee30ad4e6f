import collections

import pytest

from layerlock.data import mixing
from layerlock.data.mixing import Part


@pytest.mark.parametrize(
    "spec, parts",
    [
        ("a:1=/x", [("a", "1", "/x")]),
        (
            "howto:0.7=/a,kinetics:0.3=/b",
            [("howto", "0.7", "/a"), ("kinetics", "0.3", "/b")],
        ),
        (
            "a:.5=/x,y=1,b_2:3.=/z:1",
            [("a", ".5", "/x,y=1"), ("b_2", "3.", "/z:1")],
        ),
        (
            "a:1=s3://x/y,b:1=list.txt",
            [("a", "1", "s3://x/y"), ("b", "1", "list.txt")],
        ),
    ],
)
def test_a_mixture_has_names_weights_and_places(spec, parts):
    assert mixing.is_mixture(spec)
    assert mixing.parse(spec) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    "spec",
    ["scenes", "/a", "a=/b", "s3://a/b", "/a:1=b", "a:b=/c", ":1=/c", ""],
)
def test_other_places_are_no_mixtures(spec):
    assert not mixing.is_mixture(spec)


def test_a_folder_with_the_name_of_a_mixture_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mixing.is_mixture("a:1=b")

    (tmp_path / "a:1=b").mkdir()

    assert not mixing.is_mixture("a:1=b")


@pytest.mark.parametrize(
    "spec", ["a:1=/x,a:2=/y", "a:0=/x", "a:0.0=/x,b:1=/y", "a:1=", "a:1=b:1=/x"]
)
def test_a_mixture_that_cannot_be_read_is_refused(spec):
    with pytest.raises(ValueError, match="Received: a:.*Expected.*howto:0.7"):
        mixing.parse(spec)


@pytest.mark.parametrize(
    "weights", [["0.7", "0.3"], ["1"], ["3", "5", "0.1", "2"], ["0.001", "1"]]
)
def test_each_part_has_its_share_of_any_first_numbers(weights):
    order = mixing.Interleaving(weights)
    total = sum(map(float, weights))

    counts = collections.Counter()
    for number in range(3000):
        part, before = order.place(number)
        assert before == counts[part]
        counts[part] += 1
        for part, weight in enumerate(weights):
            expected = (number + 1) * float(weight) / total
            assert abs(counts[part] - expected) < 2


def test_large_numbers_are_exact():
    order, first = mixing.Interleaving(["0.7", "0.2", "0.1"]), 10**15 + 1

    places = [order.place(number) for number in range(first, first + 10)]

    counts = collections.Counter(part for part, _ in places)
    assert counts == {0: 7, 1: 2, 2: 1}
    assert len(set(places)) == 10
