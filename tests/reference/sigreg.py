"""SIGReg and LeJEPA's loss in plain NumPy, float64."""

import numpy as np

from tests.reference import hashing


def directions(num_slices, dim, seed, batch_index):
    """Unit vectors from the bits of the hash, one number at a time."""
    uniform = []
    for stream in (1000, 1001):
        keys = hashing.permutation_keys(
            num_slices, dim, seed, batch_index, stream
        )
        uniform.append((keys.view("uint32") // 2**8 + 0.5) / 2**24)
    radius, angle = uniform
    normal = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def sigreg(embeddings, directions, num_knots=17, last_knot=3.0):
    """Mean statistic over views and directions, on the whole real line."""
    knots = np.linspace(-last_knot, last_knot, 2 * num_knots - 1)
    gaussian = np.exp(-(knots**2) / 2)
    statistics = []
    for view in embeddings:
        for direction in directions:
            along = view @ direction
            empirical = np.exp(1j * along[:, None] * knots).mean(axis=0)
            heights = np.abs(empirical - gaussian) ** 2 * gaussian
            area = np.trapezoid(heights, knots)
            statistics.append(len(view) * area)
    return np.mean(statistics)


def loss(embeddings, weight, directions):
    """LeJEPA's loss of embeddings `(views, clips, dim)`."""
    centre = embeddings.mean(axis=0)
    distance = np.mean((embeddings - centre) ** 2)
    return (1 - weight) * distance + weight * sigreg(embeddings, directions)
