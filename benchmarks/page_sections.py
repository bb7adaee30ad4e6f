"""Sections of a page of the docs that a program writes."""


def replace(page: str, name: str, text: str) -> str:
    """A page with another text between the two comments of a section.

    Args:
        page: str, with the lines `<!-- NAME: begin -->` and `<!-- NAME: end
            -->`.
        name: str, of the section.
        text: str.

    Example:

    >>> replace("a\\n<!-- b: begin -->\\n<!-- b: end -->", "b", "c\\n")
    'a\\n<!-- b: begin -->\\nc\\n<!-- b: end -->'
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, has_begin, rest = page.partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        raise ValueError(
            f"The page needs the lines {begin} and {end}, between which the "
            "tables are written."
        )
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"
