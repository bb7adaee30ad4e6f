"""Shows doctests as code blocks on the site, and jobs with their docstring."""

import ast
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


class Jobs(griffe.Extension):
    """Gives a job, `pretrain = Job(..., docstring)`, that docstring."""

    def on_attribute_instance(self, *, attr, **kwargs):
        """Moves the last argument of `Job` to the docstring."""
        value = attr.value
        if isinstance(value, griffe.ExprCall) and str(value.function) == "Job":
            text = ast.literal_eval(str(value.arguments[-1]))
            attr.docstring = griffe.Docstring(
                text.replace("\n    ", "\n"),
                parent=attr,
                parser="google",
                parser_options={"warnings": False},
            )
            attr.value = None
            attr.labels.clear()
