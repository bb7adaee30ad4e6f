"""Fills in the Jinja2 templates of the pages."""

import functools

from layerlock.report.html import Html


def render(name: str, /, **values) -> Html:
    """Fills in a template; every string that is not `Html` is escaped.

    Args:
        name: of a file in `layerlock/report/templates`.
        **values: the variables of the template.
    """
    return Html(_environment().get_template(name).render(values))


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


@functools.cache
def _environment():
    jinja2 = require_jinja2()
    return jinja2.Environment(
        loader=jinja2.PackageLoader("layerlock.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
