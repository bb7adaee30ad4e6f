"""4DS (https://arxiv.org/abs/2412.15212), of Google DeepMind.

The names are those of flax modules of kauldron: the files
`scaling4d_dist_b.npz`, `scaling4d_e.npz` and `scaling4d_dist_b_depth.npz`.
"""

import re

from layerlock.models.foreign import _arrays, _vit
from layerlock.models.foreign.base import Family, Network, Plan, Readout
from layerlock.models.readout import AttentiveReadout

_PATCHES = "encoder/patch_embedding/Conv_0/kernel"
_QUERY = "key_embedding/kernel"
_READOUT_DEPTH = 0.95  # of the released readout


class Scaling4D(Family):
    """4DS: learned positions, pixels in [0, 1], GELU by a tangent."""

    def recognises(self, checkpoint):
        start = _start(checkpoint)
        return (
            start is not None
            and f"{start}processor/layers_0/attention/query/kernel"
            in checkpoint.shapes
        )

    def plan(self, checkpoint):
        start = _start(checkpoint)
        if start is None:
            raise ValueError(
                f"{checkpoint.place} has no encoder of 4DS. Received: "
                f"{checkpoint.summary()}. Expected an array that ends in "
                f"{_PATCHES}, with 5 axes."
            )
        encoder = _encoder(checkpoint, start)
        plan = Plan(
            encoder,
            notes=[
                "The original has positions for one size of clips. For others, "
                "LayerLock interpolates its table linearly."
            ],
        )
        reader = _readout_start(checkpoint)
        if reader is not None:
            plan.readout = _readout(checkpoint, reader, encoder)
        return plan


def _start(checkpoint) -> str | None:
    """Returns what precedes the names of the encoder."""
    for name, shape in checkpoint.shapes.items():
        if re.fullmatch(rf"([\w.]+/)*{_PATCHES}", name) and len(shape) == 5:
            return name.removesuffix(_PATCHES)
    return None


def _readout_start(checkpoint) -> str | None:
    for name in checkpoint.shapes:
        if re.fullmatch(rf"([\w.]+/)*{_QUERY}", name):
            return name.removesuffix(_QUERY)
    return None


def _encoder(checkpoint, start) -> Network:
    *patch_size, channels, width = checkpoint.shape(start + _PATCHES, 5)
    _vit.check_channels(checkpoint, channels)
    table = f"{start}encoder/posenc/embeddings"
    *grid, _ = checkpoint.shape(table, 4)
    blocks = f"{start}processor/layers_"
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)/")
    heads = checkpoint.shape(f"{blocks}0/attention/query/kernel", 3)[1]
    mlp_dim = checkpoint.shape(f"{blocks}0/mlp/dense_in/kernel", 2)[1]
    config = {
        "num_layers": num_layers,
        "num_heads": heads,
        "hidden_dim": width,
        "mlp_dim": mlp_dim,
        "patch_size": tuple(patch_size),
        "clip_shape": tuple(
            size * patch for size, patch in zip(grid, patch_size, strict=True)
        ),
        "positions": "learned",
        "pixel_mean": 0.0,
        "pixel_std": 1.0,
        "activation": "gelu_tanh",
    }
    arrays = {
        "patch_embedding/kernel": _arrays.flat_inputs(start + _PATCHES),
        "patch_embedding/bias": _arrays.same(
            f"{start}encoder/patch_embedding/Conv_0/bias"
        ),
        "learned_positions/table": _arrays.same(table),
    }
    for index in range(num_layers):
        inner = _block(f"{blocks}{index}/")
        arrays |= {f"block_{index + 1}/{k}": v for k, v in inner.items()}
    return Network(config, arrays)


def _block(start) -> dict:
    parts = [f"{start}attention/{part}" for part in ("query", "key", "value")]
    return {
        **_norm("attention_norm", f"{start}attention_norm"),
        "qkv_kernel": _arrays.heads(*(f"{part}/kernel" for part in parts)),
        "qkv_bias": _arrays.flattened(*(f"{part}/bias" for part in parts)),
        "attention_output_kernel": _arrays.flat_inputs(
            f"{start}attention/out/kernel"
        ),
        "attention_output_bias": _arrays.same(f"{start}attention/out/bias"),
        **_norm("mlp_norm", f"{start}mlp_norm"),
        **_linear("mlp_expand", f"{start}mlp/dense_in"),
        **_linear("mlp_output", f"{start}mlp/dense_out"),
    }


def _readout(checkpoint, start, encoder) -> Readout:
    """Returns the readout of the paper, and the layer that it reads.

    Its list of features starts with the embedding twice and lacks the last
    block, so that 0.95 of the depth is block 10 of 12.
    """
    queries, heads, size = checkpoint.shape(f"{start}query", 3)
    frames = checkpoint.shape(f"{start}temporal_posenc/embeddings", 3)[0]
    dim = heads * size
    depth = int(_READOUT_DEPTH * (encoder.config["num_layers"] + 1)) - 2
    config = {
        "output_dim": checkpoint.shape(f"{start}Dense_1/kernel", 2)[1],
        "num_queries": queries,
        "hidden_dim": dim,
        "num_heads": heads,
        "mlp_dim": checkpoint.shape(f"{start}MLP_0/Dense_0/kernel", 2)[1],
        "num_frames": frames,
        "activation": "gelu_tanh",
        "resizing": "cubic",
    }
    keys, values = f"{start}key_embedding", f"{start}value_embedding"
    arrays = {
        **_norm("input_norm", f"{start}LayerNorm_0"),
        "frame_positions": _arrays.same(f"{start}temporal_posenc/embeddings"),
        "queries": _arrays.matrix(f"{start}query"),
        # The original's queries are not projected.
        "query_kernel": _arrays.identity(dim),
        "query_bias": _arrays.zeros(dim),
        "key_value_kernel": _arrays.heads(f"{keys}/kernel", f"{values}/kernel"),
        "key_value_bias": _arrays.flattened(f"{keys}/bias", f"{values}/bias"),
        **_linear("attention_output", f"{start}Dense_0"),
        **_norm("mlp_norm", f"{start}LayerNorm_1"),
        **_linear("mlp_expand", f"{start}MLP_0/Dense_0"),
        **_linear("mlp_output", f"{start}MLP_0/Dense_1"),
        "head/kernel": _arrays.same(f"{start}Dense_1/kernel"),
        "head/bias": _arrays.same(f"{start}Dense_1/bias"),
    }
    layer = f"block_{depth}" if depth > 0 else "embedding"
    return Readout(layer, Network(config, arrays), AttentiveReadout)


def _norm(name, start) -> dict:
    return {
        f"{name}_gamma": _arrays.same(f"{start}/scale"),
        f"{name}_beta": _arrays.same(f"{start}/bias"),
    }


def _linear(name, start) -> dict:
    return {
        f"{name}_kernel": _arrays.same(f"{start}/kernel"),
        f"{name}_bias": _arrays.same(f"{start}/bias"),
    }
