"""The hash of the masks in unsigned NumPy arithmetic, one row at a time."""

import numpy as np


def mix(x):
    """lowbias32, for an array of uint32."""
    x = np.asarray(x, "uint32")
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def permutation_keys(batch_size, num, seed, batch_index, stream=0):
    keys = []
    for row in range(batch_size):
        words = []
        for half in (0, 1):
            low = np.array([seed % 2**32], "uint32")
            high = np.array([seed // 2**32], "uint32")
            state = mix(low)
            state = mix(state ^ high)
            state = mix(state ^ np.uint32(2 * stream + half))
            state = mix(state + np.uint32(batch_index))
            words.append(mix(state ^ np.uint32(row)))
        elements = np.arange(num, dtype="uint32")
        keys.append(mix(mix(elements + words[0]) ^ words[1]))
    return np.stack(keys).view("int32")


def random_mask(batch_size, grid, ratio, seed, batch_index):
    num = int(np.prod(grid))
    keys = permutation_keys(batch_size, num, seed, batch_index)
    order = np.argsort(keys, axis=1)
    num_visible = round(num * (1 - ratio))
    return order[:, :num_visible], order[:, num_visible:]


def tube_mask(batch_size, grid, ratio, seed, batch_index):
    frames, rows, columns = grid
    num_cells = rows * columns
    keys = permutation_keys(batch_size, num_cells, seed, batch_index)
    num_visible = round(num_cells * (1 - ratio))
    visible, hidden = [], []
    for cells in np.argsort(keys, axis=1):
        tokens = [
            [frame * num_cells + cell for frame in range(frames)]
            for cell in cells
        ]
        visible.append(np.concatenate(tokens[:num_visible]))
        hidden.append(np.concatenate(tokens[num_visible:]))
    shuffled = []
    for tokens, stream in ((np.stack(visible), 3), (np.stack(hidden), 2)):
        keys = permutation_keys(*tokens.shape, seed, batch_index, stream)
        order = np.argsort(keys, axis=1)
        shuffled.append(np.take_along_axis(tokens, order, axis=1))
    return tuple(shuffled)
