"""Shows the doctests of docstrings as code blocks on the site."""

import re

import griffe

DOCTEST = re.compile(r"^( *)>>> .*(?:\n(?! *$).*)*", re.M)


class Doctests(griffe.Extension):
    """Puts a fence around each doctest."""

    def on_object(self, *, obj, **kwargs):
        """Rewrites the docstring of one object."""
        if obj.docstring:
            obj.docstring.value = DOCTEST.sub(
                r"\1```pycon\n\g<0>\n\1```", obj.docstring.value
            )
