"""V-JEPA's attentive probes in Meta's files, which have no encoder.

Those of V-JEPA 2 are `ssv2-vitl-16x2x3.pt` and the like: a list of
classifiers, of which one is published. Those of 2024 have one block.
"""

import re

from layerlock.models.deep_readout import DeepAttentiveReadout
from layerlock.models.foreign import _arrays, _meta, _vit
from layerlock.models.foreign.base import Network, Readout

_QUERY = "pooler.query_tokens"
_HEADS = 16  # of V-JEPA 2's, whatever the encoder has
_OTHERS = "other classifiers, trained at other rates; the first is taken"
_UNUSED = "the original does not use it"


def plan(checkpoint, width: int, encoder_heads: int, heads: int | None):
    """Returns the `Readout` of a file, and what is left out of it.

    Args:
        checkpoint: a `Checkpoint`.
        width: int, of the features of the encoder.
        encoder_heads: int, attention heads of the encoder: those of a probe of
            the first V-JEPA.
        heads: int, attention heads; `None`: those of the published files.

    Raises:
        ValueError: if the file is no probe, or not one of this encoder.
    """
    start = _start(checkpoint)
    shape = checkpoint.shape(f"{start}{_QUERY}", 3)
    if shape[1:] != (1, width):
        raise ValueError(
            f"The probe of {checkpoint.place} reads features {shape[2]} wide "
            f"by {shape[1]} queries. Expected features {width} wide, as the "
            "encoder's are, and one query."
        )
    if f"{start}linear.weight" not in checkpoint.shapes:
        raise ValueError(
            f"The probe of {checkpoint.place} has no array "
            f"{start}linear.weight. Received: {checkpoint.summary()}. Those of "
            "EPIC-KITCHENS predict a verb, a noun and an action, which a "
            "readout of LayerLock cannot express."
        )
    cross = f"{start}pooler.cross_attention_block."
    blocks = f"{start}pooler.blocks."
    num_blocks = 0
    if any(name.startswith(blocks) for name in checkpoint.shapes):
        num_blocks = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    of_first = start.startswith("classifier/")
    if of_first and num_blocks:
        raise ValueError(
            f"The probe of {checkpoint.place} has {num_blocks} blocks behind "
            "its cross-attention. Expected none, as in the published probes of "
            "V-JEPA: a readout of LayerLock has its blocks before it."
        )
    config = {
        "output_dim": checkpoint.shape(f"{start}linear.weight", 2)[0],
        "num_blocks": num_blocks + 1,
        "num_heads": heads or (encoder_heads if of_first else _HEADS),
        "mlp_dim": checkpoint.shape(f"{cross}mlp.fc1.weight", 2)[0],
    }
    arrays = {
        **_vit.timm_blocks(num_blocks, blocks),
        "queries": _arrays.matrix(f"{start}{_QUERY}"),
        "key_value_kernel": _arrays.transposed(f"{cross}xattn.kv.weight"),
        "key_value_bias": _arrays.same(f"{cross}xattn.kv.bias"),
        **_vit.pairs(
            cross,
            norms={"input_norm": "norm1", "mlp_norm": "norm2"},
            maps={
                "query": "xattn.q",
                "mlp_expand": "mlp.fc1",
                "mlp_output": "mlp.fc2",
            },
        ),
        **_vit.linear("head", f"{start}linear"),
    }
    left_out = {**_meta.LEFT_OUT, f"{cross}xattn.proj.*": _UNUSED}
    if start.startswith("classifiers/"):
        left_out |= {
            f"classifiers/{name.split('/')[1]}/*": _OTHERS
            for name in checkpoint.shapes
            if name.startswith("classifiers/")
            and not name.startswith("classifiers/0/")
        }
    network = Network(config, arrays)
    return Readout("final_norm", network, DeepAttentiveReadout), left_out


def _start(checkpoint) -> str:
    """Returns what precedes the names of the classifier."""
    for section in ("classifiers/0", "classifier", ""):
        start = _meta.start_of(checkpoint, section, _QUERY)
        if start is not None:
            return start
    raise ValueError(
        f"{checkpoint.place} has no attentive probe of V-JEPA. Received: "
        f"{checkpoint.summary()}. Expected an array that ends in {_QUERY}."
    )
