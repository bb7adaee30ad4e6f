"""Small random networks in the layout of 4DS: flax modules of kauldron."""

import numpy as np

from tests.models.foreign.files import draw

WIDTH, HEADS, MLP = 48, 3, 64
PATCH, GRID = (2, 4, 4), (2, 2, 3)
DEPTH = 4


def norm(generator, name, width=WIDTH):
    return {
        f"{name}/scale": draw(generator, width, scale=0.2, start=1.0),
        f"{name}/bias": draw(generator, width, scale=0.1),
    }


def dense(generator, name, inputs, outputs):
    """A `Dense` or a `DenseGeneral`: any number of axes."""
    return {
        f"{name}/kernel": draw(generator, *inputs, *outputs, scale=0.15),
        f"{name}/bias": draw(generator, *outputs, scale=0.1),
    }


def encoder(seed=0, start="params/"):
    generator = np.random.default_rng(seed)
    width, size = (WIDTH,), (HEADS, WIDTH // HEADS)
    patches = f"{start}encoder/patch_embedding/Conv_0"
    arrays = {
        **dense(generator, patches, (*PATCH, 3), width),
        f"{start}encoder/posenc/embeddings": draw(
            generator, *GRID, WIDTH, scale=0.5
        ),
    }
    for index in range(DEPTH):
        block = f"{start}processor/layers_{index}/"
        arrays |= norm(generator, f"{block}attention_norm")
        for part in ("query", "key", "value"):
            arrays |= dense(generator, f"{block}attention/{part}", width, size)
        arrays |= dense(generator, f"{block}attention/out", size, width)
        arrays |= norm(generator, f"{block}mlp_norm")
        arrays |= dense(generator, f"{block}mlp/dense_in", width, (MLP,))
        arrays |= dense(generator, f"{block}mlp/dense_out", (MLP,), width)
    return arrays


def readout(seed=1, start="params/layers_2/", frames=4, queries=6, outputs=5):
    """The readout of depth: as many queries as there are blocks of pixels."""
    generator = np.random.default_rng(seed)
    heads, size = 2, 10
    dim = heads * size
    return {
        **norm(generator, f"{start}LayerNorm_0"),
        f"{start}temporal_posenc/embeddings": draw(
            generator, frames, 1, WIDTH, scale=0.5
        ),
        f"{start}query": draw(generator, queries, heads, size, scale=1.0),
        **dense(generator, f"{start}key_embedding", (WIDTH,), (heads, size)),
        **dense(generator, f"{start}value_embedding", (WIDTH,), (heads, size)),
        **dense(generator, f"{start}Dense_0", (dim,), (dim,)),
        **norm(generator, f"{start}LayerNorm_1", dim),
        **dense(generator, f"{start}MLP_0/Dense_0", (dim,), (4 * dim,)),
        **dense(generator, f"{start}MLP_0/Dense_1", (4 * dim,), (dim,)),
        **dense(generator, f"{start}Dense_1", (dim,), (outputs,)),
    }
