"""Builds HTML in which every string is escaped unless it is HTML already."""

import html
import re


class Html(str):
    """Text that is HTML."""

    __slots__ = ()

    def __html__(self):
        return self  # templates leave it as it is


def tag(name: str, *content, **attributes) -> Html:
    """An element.

    Args:
        name: its tag, such as `"td"`.
        *content: strings, which are escaped, `Html`, which is not, lists of
            both, or None, which is nothing.
        **attributes: a trailing `_` is dropped (`class_`); None is left out
            and True is written as the bare name.

    Example:

    >>> tag("p", "3 < 4", class_="fact")
    '<p class="fact">3 &lt; 4</p>'
    """
    opening = name + "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None
    )
    if name in ("img", "meta"):
        return Html(f"<{opening}>")
    return Html(f"<{opening}>{join(*content)}</{name}>")


def join(*content) -> Html:
    """One piece of HTML out of several; strings are escaped."""
    return Html("".join(_render(item) for item in content))


def table(head: list, rows: list[list]) -> Html:
    """A table that scrolls by itself where the screen is narrow."""
    body = [tag("tr", [tag("td", cell) for cell in row]) for row in rows]
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", [tag("th", cell) for cell in head])),
            tag("tbody", body),
        ),
        class_="scroll",
    )


def inline(text: str) -> Html:
    """Prose in which `backticks` mark code."""
    parts = re.split(r"`([^`]*)`", text)
    return join(*(tag("code", p) if i % 2 else p for i, p in enumerate(parts)))


def _attribute(name: str, value) -> str:
    if value is True:
        return f" {name}"
    return f' {name}="{html.escape(str(value))}"'


def _render(item) -> str:
    if item is None:
        return ""
    if isinstance(item, Html):
        return item
    if isinstance(item, list | tuple):
        return join(*item)
    return html.escape(str(item))
