"""The base class of what is attacked."""

import abc
import pathlib


class Target(abc.ABC):
    """A kind of input.

    The constructor writes valid files, `draw` damages copies of them. A class
    with a docstring is attacked.

    Attributes:
        name: str, in the table.
        share: float, of the inputs; slow targets get fewer.
        refusals: types of exceptions of libraries that are sentences.
    """

    name: str
    share = 1.0
    refusals: tuple = ()

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    @abc.abstractmethod
    def draw(self, random):
        """Writes one hostile input; returns a function that reads it."""
