"""Mixtures of sources: how they are written, and in which order they come."""

import dataclasses
import fractions
import os
import re

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_HEAD = rf"[A-Za-z_][\w.-]*:(?:{_NUMBER})="
_COMMA = re.compile(rf",(?={_HEAD})")
_PART = re.compile(rf"(?={_HEAD})([^:]*):([^=]*)=(.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Part:
    """One source of a mixture.

    Attributes:
        name: str.
        weight: text of a number above 0; weights need not add up to 1.
        place: what `data.get` takes.
    """

    name: str
    weight: str
    place: str


def is_mixture(spec) -> bool:
    """Whether a text is a mixture, and no file or folder has this name.

    Example:

    >>> is_mixture("howto:0.7=/a,kinetics:0.3=/b"), is_mixture("/a,b=c")
    (True, False)
    """
    return (
        isinstance(spec, str)
        and _PART.match(spec) is not None
        and not os.path.lexists(spec)
    )


def parse(spec: str) -> list[Part]:
    """Returns the parts of `NAME:WEIGHT=PLACE,...`.

    A comma separates parts only before another `NAME:WEIGHT=`, so that places
    may contain commas.

    Raises:
        ValueError: if a name is there twice, a weight is 0, or a place is
            missing or another mixture.

    Example:

    >>> [part.place for part in parse("a:2=/x,y,b:1=/z")]
    ['/x,y', '/z']
    """
    parts = [Part(*_PART.match(text).groups()) for text in _COMMA.split(spec)]
    for part in parts:
        same = [one for one in parts if one.name == part.name]
        is_place = part.place and not is_mixture(part.place)
        if len(same) > 1 or not float(part.weight) or not is_place:
            raise ValueError(
                "The parts of a mixture have names that differ, weights above "
                f"0, and one place each. Received: {part.name}:{part.weight}="
                f"{part.place} in {spec!r}. Expected, for instance, "
                "'howto:0.7=/a,kinetics:0.3=/b'."
            )
    return parts


class Interleaving:
    """Distributes the numbers 0, 1, 2, ... over parts by their weights.

    Of the first `n` numbers, for any `n`, a part has its share of `n`, within
    a few. Nothing is drawn: the part of a number is a function of the weights.

    The first part takes the numbers `i` where `round(i * share)` steps, the
    second one in the same way its share of the rest, and so on.

    Args:
        weights: texts of numbers above 0.

    Example:

    >>> order = Interleaving(["2", "1"])
    >>> [order.place(number) for number in range(6)]
    [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (0, 3)]
    """

    def __init__(self, weights):
        exact = [fractions.Fraction(weight) for weight in weights]
        # The share of each part in what the parts before leave; 1 at the end.
        self.shares = [
            weight / sum(exact[n:]) for n, weight in enumerate(exact)
        ]

    def place(self, number: int) -> tuple[int, int]:
        """Returns the part of a number, and how many it had before."""
        part, last = 0, len(self.shares) - 1
        before = _steps(number, self.shares[part])
        while part < last and before == _steps(number + 1, self.shares[part]):
            part, number = part + 1, number - before
            before = _steps(number, self.shares[part])
        return part, before


def _steps(number: int, share: fractions.Fraction) -> int:
    """Returns `round(number * share)`, in whole numbers of any size."""
    whole, divisor = share.numerator, share.denominator
    return (2 * number * whole + divisor) // (2 * divisor)
