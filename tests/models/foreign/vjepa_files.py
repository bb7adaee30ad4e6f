"""Small random networks in the layout of Meta's V-JEPA files."""

import numpy as np

from tests.models.foreign.files import draw

PREFIX = "module.backbone."
TABLE = (2, 2, 2)  # patches of a clip of the V-JEPA of 2024


def blocks(generator, start, depth, width, mlp):
    arrays = {}
    for index in range(depth):
        block = f"{start}{index}."
        for norm in ("norm1", "norm2"):
            arrays |= layer_norm(generator, f"{block}{norm}", width)
        for name, outputs, inputs in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", mlp, width),
            ("mlp.fc2", width, mlp),
        ):
            arrays |= linear(generator, block + name, outputs, inputs)
    return arrays


def linear(generator, name, outputs, inputs):
    return {
        f"{name}.weight": draw(generator, outputs, inputs, scale=0.15),
        f"{name}.bias": draw(generator, outputs, scale=0.1),
    }


def layer_norm(generator, name, width):
    return {
        f"{name}.weight": draw(generator, width, scale=0.2, start=1.0),
        f"{name}.bias": draw(generator, width, scale=0.1),
    }


def encoder(seed, depth=2, width=48, mlp=64, patch=(2, 4, 4), levels=None):
    """An encoder; with `levels`, one of V-JEPA 2.1."""
    generator = np.random.default_rng(seed)
    arrays = {
        "patch_embed.proj.weight": draw(generator, width, 3, *patch, scale=0.1),
        "patch_embed.proj.bias": draw(generator, width, scale=0.1),
        **blocks(generator, "blocks.", depth, width, mlp),
    }
    if levels is None:
        arrays |= layer_norm(generator, "norm", width)
    else:
        for level in range(levels):
            arrays |= layer_norm(generator, f"norms_block.{level}", width)
        image = (width, 3, 1, *patch[1:])
        arrays |= {
            "patch_embed_img.proj.weight": draw(generator, *image),
            "patch_embed_img.proj.bias": draw(generator, width),
            "img_mod_embed": draw(generator, 1, 1, width),
            "video_mod_embed": draw(generator, 1, 1, width, scale=0.5),
        }
    return prefixed(arrays)


def predictor(seed, embed=48, depth=2, width=72, mlp=96, masks=10):
    generator = np.random.default_rng(seed)
    arrays = {
        **{
            f"mask_tokens.{index}": draw(generator, 1, 1, width, scale=0.5)
            for index in range(masks)
        },
        **linear(generator, "predictor_embed", width, embed),
        **blocks(generator, "predictor_blocks.", depth, width, mlp),
        **layer_norm(generator, "predictor_norm", width),
        **linear(generator, "predictor_proj", embed, width),
    }
    return prefixed(arrays)


def distilled_predictor(seed, embed=48, width=72, mlp=96, target=96):
    """One of V-JEPA 2.1's smaller encoders: it predicts a wider teacher."""
    generator = np.random.default_rng(seed)
    arrays = plain(predictor(seed, embed, width=width, mlp=mlp, masks=8))
    arrays |= linear(generator, "predictor_proj", target, width)
    arrays |= linear(generator, "predictor_proj_context", target, width)
    for mark in ("img_mod_embed", "video_mod_embed"):
        arrays[mark] = draw(generator, 1, 1, width, scale=0.5)
    return prefixed(arrays)


def predictor_of_levels(seed, embed=48, width=72, levels=4):
    """One of V-JEPA 2.1's larger encoders: it reads and predicts levels."""
    generator = np.random.default_rng(seed)
    arrays = plain(distilled_predictor(seed, embed, width))
    for part in ("weight", "bias"):
        del arrays[f"predictor_embed.{part}"]
    outputs = levels * embed
    return prefixed(
        {
            **arrays,
            **linear(generator, "predictor_embed.0", embed, outputs),
            **linear(generator, "predictor_embed.2", width, embed),
            **linear(generator, "predictor_proj", outputs, width),
            **linear(generator, "predictor_proj_context", outputs, width),
        }
    )


def probe(seed, width=48, mlp=64, depth=2, classes=5):
    """An attentive probe, whose last block has the query."""
    generator = np.random.default_rng(seed)
    cross = "pooler.cross_attention_block."
    arrays = {
        "pooler.query_tokens": draw(generator, 1, 1, width, scale=0.5),
        **blocks(generator, "pooler.blocks.", depth - 1, width, mlp),
        **layer_norm(generator, f"{cross}norm1", width),
        **layer_norm(generator, f"{cross}norm2", width),
        **linear(generator, f"{cross}xattn.q", width, width),
        **linear(generator, f"{cross}xattn.kv", 2 * width, width),
        **linear(generator, f"{cross}mlp.fc1", mlp, width),
        **linear(generator, f"{cross}mlp.fc2", width, mlp),
        **linear(generator, "linear", classes, width),
    }
    return {f"module.{name}": value for name, value in arrays.items()}


def prefixed(arrays):
    return {PREFIX + name: value for name, value in arrays.items()}


def plain(arrays):
    """Without the prefix, for the references."""
    return {k.removeprefix(PREFIX): v for k, v in arrays.items()}
