"""Small random networks in the layouts of VideoMAE's files."""

import numpy as np

from tests.models.foreign.files import draw
from tests.models.foreign.vjepa_files import layer_norm, linear

WIDTH, HEADS, MLP = 48, 3, 64


def block(generator, start, width=WIDTH, mlp=MLP):
    """A block in the names of the authors."""
    qkv = f"{start}attn.qkv"
    return {
        **layer_norm(generator, f"{start}norm1", width),
        f"{qkv}.weight": draw(generator, 3 * width, width, scale=0.15),
        f"{start}attn.q_bias": draw(generator, width, scale=0.5),
        f"{start}attn.v_bias": draw(generator, width, scale=0.5),
        **linear(generator, f"{start}attn.proj", width, width),
        **layer_norm(generator, f"{start}norm2", width),
        **linear(generator, f"{start}mlp.fc1", mlp, width),
        **linear(generator, f"{start}mlp.fc2", width, mlp),
    }


def encoder(seed=0, depth=2, patch=(2, 4, 4)):
    """An encoder without its last norm."""
    generator = np.random.default_rng(seed)
    arrays = {
        "patch_embed.proj.weight": draw(generator, WIDTH, 3, *patch, scale=0.1),
        "patch_embed.proj.bias": draw(generator, WIDTH, scale=0.1),
    }
    for index in range(depth):
        arrays |= block(generator, f"blocks.{index}.")
    return arrays


def pretrained(seed=0, width=24):
    """A pre-training file: an encoder with a norm, and a decoder."""
    generator = np.random.default_rng(seed + 100)
    own = {**encoder(seed), **layer_norm(generator, "norm", WIDTH)}
    return {
        **{f"encoder.{name}": value for name, value in own.items()},
        "mask_token": draw(generator, 1, 1, width, scale=0.5),
        "encoder_to_decoder.weight": draw(generator, width, WIDTH, scale=0.2),
        **block(generator, "decoder.blocks.0.", width, 32),
        **layer_norm(generator, "decoder.norm", width),
        **linear(generator, "decoder.head", 96, width),
    }


def finetuned(seed=0):
    """A fine-tuned or distilled file: a norm of the mean, and a head."""
    generator = np.random.default_rng(seed + 100)
    return {
        **encoder(seed),
        **layer_norm(generator, "fc_norm", WIDTH),
        **linear(generator, "head", 5, WIDTH),
    }


def plain(arrays):
    """The encoder alone, for the reference."""
    kept = ("patch_embed.", "blocks.", "norm.")
    arrays = {
        k.removeprefix("encoder."): v
        for k, v in arrays.items()
        if not k.startswith("decoder.")
    }
    return {k: v for k, v in arrays.items() if k.startswith(kept)}


_TRANSFORMERS = {
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "blocks.": "encoder.layer.",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.q_bias": "attention.attention.q_bias",
    "attn.v_bias": "attention.attention.v_bias",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
CONFIG = {
    "model_type": "videomae",
    "image_size": 8,
    "num_frames": 4,
    "num_attention_heads": HEADS,
    "num_hidden_layers": 2,
    "hidden_size": WIDTH,
    "intermediate_size": MLP,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
}


def of_transformers(arrays):
    """An encoder of the authors in the names of transformers."""
    renamed = {}
    for name, value in arrays.items():
        for theirs, other in _TRANSFORMERS.items():
            name = name.replace(theirs, other)
        if name.endswith("attn.qkv.weight"):
            start = name.removesuffix("attn.qkv.weight")
            for part, rows in zip(
                ("query", "key", "value"), np.split(value, 3), strict=True
            ):
                renamed[f"{start}attention.attention.{part}.weight"] = rows
        else:
            renamed[name] = value
    return renamed
