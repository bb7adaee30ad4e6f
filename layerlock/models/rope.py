"""Rotary positions: rotates features by an angle given by the position."""

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.models import neighbour_rotation
from layerlock.models.numerics import at_least_float32

TOKEN_FRACTIONS = (0.10, 0.25, 0.25)  # of the features: time, row, column

# The rotated tensors of a block, for each kind of rotary positions.
ROTATED = {
    "rotary": "tokens",
    "rotary_qk": "queries_and_keys",
    **dict.fromkeys(neighbour_rotation.KINDS, "neighbours"),
}


def frequencies(
    kind: str, hidden_dim: int, num_heads: int, wavelength: float
) -> np.ndarray | None:
    """Returns the frequencies of rotary positions of a kind.

    `"rotary"` rotates whole tokens, every other rotary kind the queries and
    keys of each head. Returns `None` for any other kind.
    """
    head_dim = hidden_dim // num_heads
    if kind == "rotary":
        return token_frequencies(hidden_dim, wavelength)
    if kind == "rotary_qk":
        return head_frequencies(head_dim, wavelength)
    if kind in neighbour_rotation.KINDS:
        return neighbour_rotation.neighbour_frequencies(
            head_dim, wavelength, tiled=kind == "rotary_tiled"
        )
    return None


def stretch(frequencies, grid, position_grid):
    """Scales rows and columns, so that a grid ends where another one ends.

    The last row of `grid` gets the position of the last row of
    `position_grid`, and so does the last column. Frames stay as they are.

    Reference: V-JEPA 2.1, which numbers the patches of every size from 0 to
    15, as at 256 x 256 pixels.

    Args:
        frequencies: the result of the function `frequencies`; may be `None`.
        grid: tuple of 3 ints, patches along frames, rows and columns.
        position_grid: tuple of 3 ints, or `None`: no scaling.

    Example:

    >>> scaled = stretch(np.ones((3, 2)), (8, 31, 16), (8, 16, 16))
    >>> scaled[:, 0].tolist()
    [1.0, 0.5, 1.0]
    """
    if frequencies is None or position_grid is None:
        return frequencies
    factors = [1.0] + [
        (end - 1) / max(size - 1, 1)
        for size, end in zip(grid[1:], position_grid[1:], strict=True)
    ]
    return frequencies * np.array(factors)[:, None]


def token_frequencies(
    dim: int, wavelength: float, fractions=TOKEN_FRACTIONS
) -> np.ndarray:
    """Returns the rotation of each feature of a token, in radians per patch.

    Features `j` and `j + dim / 2` form a plane. The first 10 % of the planes
    rotate with time, the next 25 % with the row, the next 25 % with the column;
    the others are not rotated.

    Args:
        dim: int, features of a token.
        wavelength: float, in patches.
        fractions: tuple of 3 floats, shares of the planes that rotate with
            frame, row and column.

    Returns:
        float64, shape `(3, dim)`: rows are the axes of the video. The first
        half is negative, which is the sign of its sine.
    """
    if dim % 2:
        raise ValueError(
            "Rotary positions pair the features of a token. Expected an even "
            f"`hidden_dim`. Received: hidden_dim={dim}."
        )
    turns = np.zeros((3, dim // 2))
    start = 0
    for axis, fraction in enumerate(fractions):
        planes = round(fraction * dim / 2)
        turns[axis, start : start + planes] = _geometric(planes, wavelength)
        start += planes
    return np.concatenate([-turns, turns], axis=1)


def head_frequencies(head_dim: int, wavelength: float) -> np.ndarray:
    """Returns the rotation of each feature of a head, in radians per patch.

    The head dimension is split into three equal even parts, one per axis of the
    video; features `j` and `j + part / 2` of a part form a plane.

    Args:
        head_dim: int, at least 6.
        wavelength: float, in patches.

    Returns:
        float64, shape `(3, head_dim)`, with signs as in `token_frequencies`.
    """
    half = head_part(head_dim) // 2
    turns = np.zeros((3, head_dim))
    turn = _geometric(half, wavelength)
    for axis in range(3):
        start = 2 * half * axis
        turns[axis, start : start + half] = -turn
        turns[axis, start + half : start + 2 * half] = turn
    return turns


def head_part(head_dim: int) -> int:
    """Returns the features of a head per axis: an even third."""
    if head_dim < 6:
        raise ValueError(
            "Rotating queries and keys in three dimensions needs at least 6 "
            f"features per head. Received: head_dim={head_dim}. "
            "Use fewer heads or a larger `hidden_dim`."
        )
    return 2 * (head_dim // 6)


def rotation(positions, frequencies, dtype: str):
    """Computes the cosine and sine tables of `rotate`.

    Args:
        positions: int32, frame, row and column of each token. Shape
            `(..., 3)`.
        frequencies: NumPy array of shape `(3, dim)`.
        dtype: str, that of the tables. Angles are at least float32. With
            bfloat16 tables the noise of an attention logit is 1.5 times that
            of rounding queries and keys to bfloat16, 0.003 instead of 0.002
            for logits of variance 1.

    Returns:
        Cosine and signed sine, each of shape `(..., dim)`.
    """
    precise = at_least_float32(dtype)
    if isinstance(positions, np.ndarray):
        positions = backends.constant(positions, "int32")
    x = ops.cast(positions, precise)
    turn = backends.constant(frequencies, precise)
    # No matmul: accelerators may compute it in lower precision.
    angle = (
        x[..., 0:1] * turn[0] + x[..., 1:2] * turn[1] + x[..., 2:3] * turn[2]
    )
    return ops.cast(ops.cos(angle), dtype), ops.cast(ops.sin(angle), dtype)


def block_rotation(kind: str, positions, frequencies, dtype: str):
    """Computes the argument `rotation` of a `TransformerBlock`.

    Args:
        kind: str, of the positions; some kinds have no rotation.
        positions: int32, shape `(batch, tokens, 3)`.
        frequencies: the result of the function `frequencies`.
        dtype: str, that of the tables.

    Returns:
        A pair of tensors, or `None` without rotation.
    """
    if frequencies is None:
        return None
    if ROTATED[kind] != "tokens":
        # (batch, tokens, 1, 3): the same for all heads
        positions = ops.expand_dims(positions, -2)
    return rotation(positions, frequencies, dtype)


def rotate(x, cos, sin, part: int):
    """Rotates the planes of `x`: features that are `part / 2` apart.

    Args:
        x: Features. Shape `(..., dim)`.
        cos: Cosines, broadcastable to `x`; 1 for features that are not rotated.
        sin: Sines, negative in the first half of each part.
        part: int, number of features of one part.

    Returns:
        Same shape as `x`.
    """
    return backends.multiply_add(x * cos, _swap_halves(x, part), sin)


def _swap_halves(x, part):
    dim = x.shape[-1]
    if part == dim:
        return backends.roll(x, part // 2)
    parts = dim // part
    shape = backends.shape(x)[:-1]
    rotated = ops.reshape(x[..., : parts * part], (*shape, parts, part))
    rotated = ops.reshape(
        backends.roll(rotated, part // 2), (*shape, parts * part)
    )
    if parts * part == dim:
        return rotated
    return ops.concatenate([rotated, x[..., parts * part :]], axis=-1)


def _geometric(count, wavelength):
    return float(wavelength) ** (-np.arange(count) / max(count, 1))


@keras.saving.register_keras_serializable("layerlock")
class RotaryEmbedding3D(keras.layers.Layer):
    """Rotates queries and keys by their position in the video.

    The head dimension is split into three equal parts, one per axis of the
    video. In each part, features `j` and `j + part / 2` form a plane that is
    rotated by `position * wavelength ** (-2 * j / part)` radians. Attention
    then depends on the offset between two tokens, and not on their positions.
    Remaining features are not rotated.

    Reference: [RoFormer, Su et al., 2021](https://arxiv.org/abs/2104.09864),
    Eq. 34, once per axis. The paper pairs neighbouring features; pairing
    halves is the same rotation after a fixed permutation.

    Args:
        wavelength: float, in patches. Rotation periods run from `2 * pi` to
            just below `2 * pi * wavelength`. Defaults to `10_000.0`.

    Call arguments:
        x: Queries or keys. Shape `(batch, heads, tokens, head_dim)`.
        positions: Frame, row and column of each token, in patches. Shape
            `(batch, tokens, 3)`. Integers: Keras would round floats to the
            compute dtype, and bfloat16 rounds 257 to 256.

    Output shape:
        Same as `x`.

    Example:

    >>> layer = RotaryEmbedding3D()
    >>> x = keras.random.normal((2, 4, 8, 24))
    >>> at_origin = keras.ops.zeros((2, 8, 3), dtype="int32")
    >>> bool(keras.ops.all(layer(x, at_origin) == x))  # angle 0: unchanged
    True
    """

    def __init__(self, wavelength=10_000.0, **kwargs):
        super().__init__(**kwargs)
        self.wavelength = check_wavelength(wavelength)

    def call(self, x, positions):
        head_dim = x.shape[-1]
        cos, sin = rotation(
            ops.expand_dims(positions, -3),  # (batch, 1, tokens, 3)
            head_frequencies(head_dim, self.wavelength),
            self.compute_dtype,
        )
        return rotate(x, cos, sin, head_part(head_dim))

    def compute_output_shape(self, x_shape, positions_shape):
        return tuple(x_shape)

    def get_config(self):
        return {**super().get_config(), "wavelength": self.wavelength}


def check_wavelength(wavelength) -> float:
    """Returns `wavelength` as a float; raises unless it is above 1."""
    if wavelength <= 1:
        raise ValueError(
            "`wavelength` must be above 1 patch, the usual value is 10_000. "
            f"Received: wavelength={wavelength}."
        )
    return float(wavelength)
