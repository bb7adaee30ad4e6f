"""The encoder and the decoder in plain NumPy, float64, one line per fact."""

import itertools
import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=["float64"])


def patchify(clip, patch_size):
    """Patches of one clip `(frames, rows, columns, 3)`, one per row."""
    frames, rows, columns = patch_size
    starts = itertools.product(
        range(0, clip.shape[0], frames),
        range(0, clip.shape[1], rows),
        range(0, clip.shape[2], columns),
    )
    return np.stack(
        [
            clip[t : t + frames, r : r + rows, c : c + columns].ravel()
            for t, r, c in starts
        ]
    )


def standardise(pixels, mean, std):
    """From 8-bit pixels with the channel last to zero mean, unit spread."""
    return (pixels / 255.0 - np.asarray(mean)) / np.asarray(std)


def token_positions(grid):
    """Frame, row and column of every patch, the column moving fastest."""
    return np.array(list(itertools.product(*map(range, grid))))


def turn(plane, angle):
    """Turns planes, given as pairs (first, second), by an angle."""
    turned = (plane[0] + 1j * plane[1]) * np.exp(1j * angle)
    return turned.real, turned.imag


def rotate_tokens(x, positions, wavelength=10_000.0):
    """10 % of the planes turn with time, 25 % with row, 25 % with column."""
    x = np.array(x, "float64")
    dim = x.shape[-1]
    plane = 0
    for axis, fraction in enumerate((0.10, 0.25, 0.25)):
        count = round(fraction * dim / 2)
        for j in range(count):
            first, second = plane, plane + dim // 2
            angle = positions[..., axis] * wavelength ** (-2 * j / (2 * count))
            x[..., first], x[..., second] = turn(
                (x[..., first], x[..., second]), angle
            )
            plane += 1
    return x


def rotate_heads(x, positions, wavelength=10_000.0):
    """A third of a head's features, made even, turns with each axis."""
    x = np.array(x, "float64")
    part = x.shape[-1] // 3 // 2 * 2
    for axis in range(3):
        for j in range(part // 2):
            first = axis * part + j
            second = first + part // 2
            angle = positions[..., axis] * wavelength ** (-2 * j / part)
            x[..., first], x[..., second] = turn(
                (x[..., first], x[..., second]), angle
            )
    return x


def rotate_neighbours(x, positions, tiled, wavelength=10_000.0):
    """As V-JEPA 2 (tiled) and 2.1: pairs of neighbours, thirds of a head."""
    x = np.array(x, "float64")
    part = x.shape[-1] // 3 // 2 * 2
    for axis in range(3):
        angles = [
            positions[..., axis] * wavelength ** (-2 * j / part)
            for j in range(part // 2)
        ]
        for plane in range(part // 2):
            first = axis * part + 2 * plane
            one = angles[2 * plane % (part // 2) if tiled else plane]
            other = angles[(2 * plane + 1) % (part // 2) if tiled else plane]
            a, b = x[..., first].copy(), x[..., first + 1].copy()
            x[..., first] = a * np.cos(one) - b * np.sin(one)
            x[..., first + 1] = b * np.cos(other) + a * np.sin(other)
    return x


def scaled(positions, grid, position_grid):
    """Rows and columns as V-JEPA 2.1 counts them: up to those of a grid."""
    positions = np.array(positions, "float64")
    for axis in (1, 2):
        if grid[axis] > 1:
            positions[..., axis] *= (position_grid[axis] - 1) / (grid[axis] - 1)
    return positions


def sines_then_cosines(positions, part, wavelength=10_000.0):
    """The `part` features of one axis."""
    angles = [
        positions * wavelength ** (-2 * j / part) for j in range(part // 2)
    ]
    return np.stack([*map(np.sin, angles), *map(np.cos, angles)], axis=-1)


def sincos_vjepa(positions, dim, uniform):
    """V-JEPA's: equal parts rounded up and cut, or half of them for time."""
    parts = [math.ceil(dim / 6) * 2] * 3
    if not uniform:
        parts = [dim // 2, dim // 4, dim // 4]
    return np.concatenate(
        [
            sines_then_cosines(positions[..., axis], part)
            for axis, part in enumerate(parts)
        ],
        axis=-1,
    )[..., :dim]


def sincos_flat(index, dim):
    """VideoMAE's, of the number of a token: sines and cosines take turns."""
    angles = index[:, None] / 10_000.0 ** (2 * (np.arange(dim) // 2) / dim)
    return np.where(np.arange(dim) % 2, np.cos(angles), np.sin(angles))


def sincos(positions, dim, wavelength=10_000.0):
    """Sines, then cosines, of each axis in a third of the features."""
    encoding = np.zeros((*positions.shape[:-1], dim))
    part = dim // 3 // 2 * 2
    for axis in range(3):
        for j in range(part // 2):
            angle = positions[..., axis] * wavelength ** (-2 * j / part)
            encoding[..., axis * part + j] = np.sin(angle)
            encoding[..., axis * part + part // 2 + j] = np.cos(angle)
    return encoding


def normalise(x, gamma, beta, epsilon=1e-6):
    """LayerNorm over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)
    return centred / spread * gamma + beta


def gelu(x):
    """`x` times the probability that a standard normal is below `x`."""
    return x * (1 + _erf(x / math.sqrt(2))) / 2


def gelu_tanh(x):
    """GELU by a hyperbolic tangent."""
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def silu(x):
    """`x` times its sigmoid."""
    return x / (1 + np.exp(-x))


ACTIVATIONS = {"gelu": gelu, "gelu_tanh": gelu_tanh, "silu": silu}


def attention(query, key, value):
    """Softmax attention of one head, `(tokens, head_dim)` each."""
    logits = query @ key.T / math.sqrt(query.shape[-1])
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value


def block(
    x,
    weights,
    num_heads,
    positions,
    kind,
    epsilon=1e-6,
    activation="gelu",
):
    """One transformer block on the tokens of one clip, `(tokens, dim)`."""
    y = normalise(
        x,
        weights["attention_norm_gamma"],
        weights["attention_norm_beta"],
        epsilon,
    )
    if kind == "rotary":
        y = rotate_tokens(y, positions)
    query, key, value = np.split(
        y @ weights["qkv_kernel"] + weights["qkv_bias"], 3, axis=-1
    )
    heads = []
    for q, k, v in zip(
        *(np.split(part, num_heads, axis=-1) for part in (query, key, value)),
        strict=True,
    ):
        if kind == "rotary_qk":
            q, k = rotate_heads(q, positions), rotate_heads(k, positions)
        if kind in ("rotary_tiled", "rotary_interleaved"):
            q, k = (
                rotate_neighbours(part, positions, kind == "rotary_tiled")
                for part in (q, k)
            )
        heads.append(attention(q, k, v))
    y = np.concatenate(heads, axis=-1)
    x = (
        x
        + y @ weights["attention_output_kernel"]
        + weights["attention_output_bias"]
    )
    y = normalise(
        x, weights["mlp_norm_gamma"], weights["mlp_norm_beta"], epsilon
    )
    y = ACTIVATIONS[activation](
        y @ weights["mlp_expand_kernel"] + weights["mlp_expand_bias"]
    )
    return x + y @ weights["mlp_output_kernel"] + weights["mlp_output_bias"]


class Encoder:
    """A NumPy twin of a `VideoEncoder`.

    Args:
        weights: dict from the path of a variable, without the name of the
            encoder, to its value.
        num_layers: int.
        num_heads: int.
        kind: str, the encoder's `positions`.
        epsilon: float, of the blocks.
        activation: str, of the blocks.
    """

    def __init__(
        self,
        weights,
        num_layers,
        num_heads,
        kind,
        epsilon=1e-6,
        activation="gelu",
    ):
        self.weights = {
            path: np.asarray(value, "float64")
            for path, value in weights.items()
        }
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.kind = kind
        self.epsilon = epsilon
        self.activation = activation

    def add_positions(self, tokens, positions):
        """Adds learned or sin-cos positions to `(tokens, dim)`."""
        if self.kind == "learned":
            table = self.weights["learned_positions/table"]
            return tokens + np.stack([table[tuple(p)] for p in positions])
        if self.kind == "sincos":
            return tokens + sincos(positions, tokens.shape[-1])
        if self.kind in ("sincos_uniform", "sincos_half_time"):
            uniform = self.kind == "sincos_uniform"
            return tokens + sincos_vjepa(positions, tokens.shape[-1], uniform)
        return tokens

    def embed(self, patches, positions):
        """From standardised patches to tokens."""
        kernel = self.weights["patch_embedding/kernel"]
        bias = self.weights["patch_embedding/bias"]
        return self.add_positions(patches @ kernel + bias, positions)

    def run(self, tokens, positions, first_layer=0, last_layer=None):
        """Outputs of the blocks `first_layer + 1` to `last_layer`, a list."""
        last_layer = self.num_layers if last_layer is None else last_layer
        outputs = []
        for number in range(first_layer + 1, last_layer + 1):
            prefix = f"block_{number}/"
            weights = {
                path.removeprefix(prefix): value
                for path, value in self.weights.items()
                if path.startswith(prefix)
            }
            tokens = block(
                tokens,
                weights,
                self.num_heads,
                positions,
                self.kind,
                self.epsilon,
                self.activation,
            )
            outputs.append(tokens)
        return outputs


def decode(encoder, decoder_weights, visible, positions, num_decoder_layers):
    """Outputs of the decoding latents of one clip, before any head.

    Args:
        encoder: an `Encoder`.
        decoder_weights: dict from path to value, as for the encoder.
        visible: visible tokens, `(visible, dim)`.
        positions: those of the visible, then of the hidden tokens.
        num_decoder_layers: int.
    """
    num_hidden = len(positions) - len(visible)
    latents = np.tile(decoder_weights["latent"], (num_hidden, 1))
    latents = encoder.add_positions(latents, positions[len(visible) :])
    tokens = np.concatenate([visible, latents])
    first = encoder.num_layers - num_decoder_layers
    return encoder.run(tokens, positions, first)[-1][len(visible) :]
