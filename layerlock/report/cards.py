"""The cards that the report shows figures on."""

from layerlock.report.html import Html, join, tag


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
    if svg is None:
        body = tag("p", "Not logged in this run.", class_="muted")
    else:
        body = join(
            tag(
                "div",
                [tag("span", n, class_=k) for k, n in keys],
                class_="keys",
            ),
            tag("div", Html(svg), class_="scroll"),
        )
    return tag(
        "figure",
        tag("h3", title),
        tag("figcaption", text),
        body,
        class_="card wide" if wide else "card",
    )
