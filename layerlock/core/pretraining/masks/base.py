"""The contract of a mask."""

import abc
import math
import operator


class Mask(abc.ABC):
    """Which tokens of each clip are visible, and which are hidden.

    A mask is drawn inside the training step and has no state: the tokens of
    batch `b` are a function of the seed and of `b` alone, the same on every
    backend. A subclass implements `counts`, `draw` and `get_config`, is
    registered with `keras.saving.register_keras_serializable("layerlock")`,
    and can be built with no arguments.

    Call arguments:
        batch_size: Number of clips, an int or a scalar tensor.
        grid: `(frames, rows, columns)` of the clip, ints, in patches.
        seed: int, from 0 to `2**64 - 1`.
        batch_index: Number of the batch, an int or a scalar tensor.

    Returns:
        One pair `(visible, hidden)` for each kind of mask: the indices of
        the tokens, int32, of shapes `(batch, num_visible)` and
        `(batch, num_hidden)`. Every prefix of `hidden` is a random subset of
        it, so that a prefix can be scored alone.

    Example:

    >>> from layerlock.core.pretraining.masks import RandomMask
    >>> mask = RandomMask(ratio=0.75)
    >>> mask.counts((2, 2, 2))
    [(2, 6)]
    >>> [(visible, hidden)] = mask(3, (2, 2, 2), seed=0, batch_index=0)
    >>> tuple(visible.shape), tuple(hidden.shape)
    ((3, 2), (3, 6))
    """

    def __call__(self, batch_size, grid, seed, batch_index):
        self.validate(grid)
        return self.draw(batch_size, tuple(grid), seed, batch_index)

    @abc.abstractmethod
    def counts(self, grid) -> list[tuple[int, int]]:
        """Returns `(num_visible, num_hidden)` for each kind of mask."""

    @abc.abstractmethod
    def draw(self, batch_size, grid, seed, batch_index):
        """Returns the pairs `(visible, hidden)`; the grid is valid."""

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns the constructor's arguments, as JSON-ready values."""

    @classmethod
    def from_config(cls, config: dict) -> "Mask":
        """Builds the mask that `get_config` described."""
        return cls(**config)

    def validate(self, grid):
        """Raises unless tokens are visible and tokens are hidden."""
        if len(tuple(grid)) != 3 or any(
            operator.index(size) < 1 for size in grid
        ):
            raise ValueError(
                "`grid` must be (frames, rows, columns) in patches, each at "
                f"least 1. Received: grid={grid}."
            )
        for num_visible, num_hidden in self.counts(grid):
            if num_visible < 1 or num_hidden < 1:
                nothing = "hides nothing" if num_visible else "hides everything"
                raise ValueError(
                    f"{self} {nothing} on a grid of {tuple(grid)} patches: "
                    f"{num_visible} tokens are visible and {num_hidden} "
                    f"hidden, of {math.prod(grid)}. Change the mask's ratio, "
                    "or use larger clips or smaller patches."
                )

    def __repr__(self):
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items()
        )
        return f"{type(self).__name__}({arguments})"


def valid_ratio(ratio) -> float:
    """Returns `ratio` as a float if it lies between 0 and 1."""
    if not isinstance(ratio, (int, float)) or not 0 < ratio < 1:
        raise ValueError(
            "`ratio`, the share of tokens to hide, must lie between 0 and 1, "
            f"both excluded. Received: ratio={ratio!r}."
        )
    return float(ratio)
