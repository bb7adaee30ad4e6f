"""The cards that the report shows figures on."""

from layerlock.report import templates
from layerlock.report.html import Html, tag


def grid(*cards) -> Html:
    """Cards side by side, as many as the screen is wide."""
    return tag("div", *cards, class_="grid")


def figure(title, text, svg, keys=(), wide=False) -> Html:
    """One drawing, under what it shows.

    Args:
        title: of the card.
        text: says what is drawn, and what healthy looks like.
        svg: the drawing, or None if the run does not have its numbers.
        keys: pairs of a class of the style sheet and what has its colour.
        wide: whether the card takes the whole row.
    """
    return templates.render(
        "figure.html.j2", title=title, text=text, svg=svg, keys=keys, wide=wide
    )
