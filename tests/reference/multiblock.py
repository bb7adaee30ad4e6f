"""Multi-block masks in NumPy: ours to the bit, and V-JEPA's own recipe."""

import numpy as np

from tests.reference import hashing


def multiblock_masks(batch_size, grid, blocks, sizes, counts, seed, batch):
    """What `MultiBlockMask` draws.

    Args:
        batch_size: int.
        grid: frames, rows and columns.
        blocks: pairs (number, share), one per kind.
        sizes: for each kind the heights and widths that a block chooses from.
        counts: for each kind the visible and hidden tokens.
        seed: int.
        batch: int.
    """
    frames, rows, columns = grid
    pairs = []
    for kind, (number, _) in enumerate(blocks):
        corners = hashing.permutation_keys(
            batch_size, 3 * number, seed, batch, 10 + 3 * kind
        )
        order = np.argsort(
            hashing.permutation_keys(
                batch_size, frames * rows * columns, seed, batch, 11 + 3 * kind
            ),
            axis=1,
        )
        num_visible, num_hidden = counts[kind]
        visible, hidden = [], []
        for clip in range(batch_size):
            covered = np.zeros(grid, bool)
            for block in range(number):
                key = [
                    int(corners[clip, part * number + block]) & 0x7FFFFFFF
                    for part in range(3)
                ]
                height, width = sizes[kind][key[0] % len(sizes[kind])]
                top = key[1] % (rows - height + 1)
                left = key[2] % (columns - width + 1)
                covered[:, top : top + height, left : left + width] = True
            covered = covered.ravel()
            tokens = [t for t in order[clip] if not covered[t]]
            tokens += [t for t in order[clip] if covered[t]]
            visible.append(tokens[:num_visible])
            hidden.append(tokens[len(tokens) - num_hidden :])
        hidden = np.array(hidden)
        keys = hashing.permutation_keys(
            *hidden.shape, seed, batch, 12 + 3 * kind
        )
        hidden = np.take_along_axis(hidden, np.argsort(keys, axis=1), axis=1)
        pairs.append((np.array(visible), hidden))
    return pairs


def vjepa_union(random, rows, columns, number, share, aspects):
    """Cells that the blocks of one clip cover, as V-JEPA draws them.

    The area is a share of the frame, the aspect ratio uniform.
    """
    covered = np.zeros((rows, columns), bool)
    for _ in range(number):
        aspect = random.uniform(*aspects)
        area = rows * columns * share
        height = min(round((area * aspect) ** 0.5), rows)
        width = min(round((area / aspect) ** 0.5), columns)
        top = random.integers(rows - height + 1)
        left = random.integers(columns - width + 1)
        covered[top : top + height, left : left + width] = True
    return covered
