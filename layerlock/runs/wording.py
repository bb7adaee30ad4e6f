"""Formats numbers, durations and targets for people."""

import math

PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


def count(value: float) -> str:
    """Formats a whole number with separators: `12,000`."""
    return f"{value:,.0f}"


def number(value: float | None) -> str:
    """Formats a number with four digits, or a missing or infinite value."""
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.4g}"


def scaled(value: float | None, unit: str) -> str:
    """Formats a number with a metric prefix.

    Example:

    >>> scaled(2_400_000_000_000, "FLOPs")
    '2.4 TFLOPs'
    """
    if value is None or not math.isfinite(value):
        return number(value)
    power = prefix_power(value)
    return f"{value / 1000**power:.3g} {PREFIXES[power]}{unit}"


def memory(value: float | None) -> str:
    """Formats bytes with a binary prefix."""
    if value is None or not math.isfinite(value):
        return number(value)
    units = ("B", "KiB", "MiB", "GiB")
    power = 0
    while abs(value) >= 999.5 and power < len(units) - 1:
        value, power = value / 1024, power + 1
    digits = f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"
    return f"{digits} {units[power]}"


def prefix_power(value: float) -> int:
    """Returns the index in `PREFIXES` of the prefix for `value`."""
    if not value:
        return 0
    power = int(math.log10(abs(value)) // 3)
    # Values that round to 1e+03 get the next prefix.
    power += abs(value) / 1000**power >= 999.5
    return min(max(power, 0), len(PREFIXES) - 1)


def duration(seconds: float | None) -> str:
    """`45 s`, `12 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    seconds = round(max(seconds, 0))
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for (name, length), (minor, part) in zip(units, units[1:], strict=False):
        if seconds >= length:
            rest = seconds % length // part
            tail = f" {rest} {minor}" if rest else ""
            return f"{seconds // length} {name}{tail}"
    return f"{seconds} s"


def columns(rows: list) -> list[str]:
    """Lines of a table of words, each column aligned to the right.

    Example:

    >>> columns([("frozen", "loss"), ("12", "0.5")])
    ['frozen  loss', '    12   0.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)).rstrip() for row in rows]


def target(layer) -> str:
    """Formats targets: `pixels`, `layer 3`, `layers 1, 2, 3`, `other views`.

    Args:
        layer: None or 0 for pixels, the number of a layer, or a list of such,
            which is empty if views of a clip are compared.
    """
    if isinstance(layer, list | tuple):
        if not layer:
            return "other views"
        if len(layer) == 1:
            return target(layer[0])
        return "layers " + ", ".join(str(item) for item in layer)
    return f"layer {layer:g}" if layer else "pixels"


def table(heads: tuple, rows: list) -> list[str]:
    """Lines of a Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return [
        f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |"
        for line in lines
    ]


def interval(score) -> str:
    """The interval of a score; there is none for one group of examples."""
    if score["low"] is None or score["high"] is None:
        return "unknown"
    return f"{score['low']:.3f} to {score['high']:.3f}"
