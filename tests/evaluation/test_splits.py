import collections

import pytest

from layerlock.evaluation import splits


def names(count, classes="ab"):
    return [f"{kind}{n}" for kind in classes for n in range(count)]


def test_a_split_is_a_function_of_names():
    items = names(10)

    parts = splits.carve(items, 0.3, key=str)

    assert [len(part) for part in parts] == [14, 6]
    assert splits.carve(items[::-1], 0.3, key=str) == tuple(
        part[::-1] for part in parts
    )


def test_names_that_are_not_utf_8_are_split_too():
    assert 0 <= splits.share("caf\udce9") < 1


def test_every_stratum_gives_its_share():
    _, part = splits.carve(
        names(10), 0.2, key=str, stratum=lambda item: item[0]
    )

    assert collections.Counter(item[0] for item in part) == {"a": 2, "b": 2}


def test_groups_are_not_parted():
    items = [f"{group}{n}" for group in "abcdefghij" for n in range(5)]

    kept, part = splits.carve(items, 0.2, key=str, group=lambda item: item[0])

    assert len(part) == 10
    assert not {item[0] for item in kept} & {item[0] for item in part}


def test_groups_of_several_strata_are_not_parted_and_leave_none_out():
    # Ten people, each of whom does three actions, twice.
    items = [
        (person, action, n)
        for person in "abcdefghij"
        for action in range(3)
        for n in range(2)
    ]

    kept, part = splits.carve(
        items, 0.2, key=repr, group=lambda i: i[0], stratum=lambda i: i[1]
    )

    assert {person for person, *_ in part}.isdisjoint(p for p, *_ in kept)
    assert len({person for person, *_ in part}) == 2
    assert {action for _, action, _ in part} == {0, 1, 2}


@pytest.mark.parametrize("count, sizes", [(1, [1, 0]), (2, [1, 1])])
def test_something_is_kept_and_if_possible_something_split_off(count, sizes):
    parts = splits.carve(names(count, "a"), 0.01, key=str)

    assert [len(part) for part in parts] == sizes
