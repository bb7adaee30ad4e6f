"""Fills in the Jinja2 templates of the pages."""

import functools
import re


def render(name: str, /, **values) -> str:
    r"""Fills in a template; strings are escaped.

    Half a surrogate pair, as in names of files that are not UTF-8, is written
    as `\udc80`.

    Args:
        name: of a file in `layerlock/report/templates`.
        **values: the variables of the template.
    """
    text = environment().get_template(name).render(values)
    return text.encode("utf-8", "backslashreplace").decode()


@functools.cache
def environment():
    """The Jinja2 environment of the pages, with autoescaping."""
    jinja2 = require_jinja2()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("layerlock.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _mark_code
    return environment


def require_jinja2():
    """jinja2, or an error that says how to install it."""
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "The report is laid out with jinja2, which is not installed. "
            'To install it: pip install "layerlock[report]"'
        ) from error
    return jinja2


def _mark_code(text: str):
    """Escapes a text and puts its parts in `backticks` into <code>."""
    import markupsafe  # a dependency of jinja2

    escaped = markupsafe.escape(text)
    return markupsafe.Markup(
        re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escaped))
    )
