"""Splits off examples by names, so that every part of a group is together."""

import collections
import hashlib


def share(name: str) -> float:
    """Returns a number in [0, 1) from a name, for reproducible splits."""
    # A name that is not UTF-8 has surrogates.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def carve(
    items: list,
    part: float,
    key,
    group=lambda item: item,
    stratum=lambda item: None,
) -> tuple[list, list]:
    """Splits a list in two, whole groups at a time.

    Of every stratum, `part` of its groups are split off, at least one, unless
    it has no other. A group of several strata counts in each.

    Args:
        items: list.
        part: float, share of the second list.
        key: function from an item to a name, which determines the split. That
            of a group is the first of its items.
        group: function from an item to its group. Defaults to a group per
            item.
        stratum: function from an item to its stratum, such as its class.
            Defaults to one stratum.

    Returns:
        Two lists in the order of `items`.

    Example:

    >>> carve(["a1", "a2", "b1", "b2"], 0.5, key=str, group=lambda x: x[0])
    (['a1', 'a2'], ['b1', 'b2'])
    """
    names, strata = {}, collections.defaultdict(set)
    for item in items:
        name, own = key(item), group(item)
        names[own] = min(names.get(own, name), name)
        strata[own].add(stratum(item))
    ranked = sorted(names, key=lambda own: share(names[own]))
    left = collections.Counter(one for own in ranked for one in strata[own])
    wanted = {
        one: min(max(1, round(part * count)), count - 1)
        for one, count in left.items()
    }
    chosen = set()

    def choose(own):
        chosen.add(own)
        for one in strata[own]:
            wanted[one] -= 1
            left[one] -= 1

    for own in ranked:
        if all(wanted[one] > 0 for one in strata[own]):
            choose(own)
    # A stratum may have got none, because of groups that are also of others.
    total = collections.Counter(one for own in ranked for one in strata[own])
    for own in ranked:
        lacks = any(
            left[one] == total[one] and total[one] > 1 for one in strata[own]
        )
        if lacks and all(left[one] > 1 for one in strata[own]):
            choose(own)
    return (
        [item for item in items if group(item) not in chosen],
        [item for item in items if group(item) in chosen],
    )
