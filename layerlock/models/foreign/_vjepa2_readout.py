"""V-JEPA 2's attentive probe, as transformers stores it with an encoder."""

from layerlock.models.deep_readout import DeepAttentiveReadout
from layerlock.models.foreign import _arrays, _transformers, _vit
from layerlock.models.foreign.base import Network, Readout

_QUERY = "pooler.query_tokens"


def of_transformers(checkpoint, num_heads: int, epsilon: float):
    """Returns the `Readout` of a `VJEPA2ForVideoClassification`, if it is one.

    Args:
        checkpoint: a `Checkpoint`.
        num_heads: int, attention heads: those of the encoder.
        epsilon: float, of all norms.
    """
    if _QUERY not in checkpoint.shapes:
        return None
    blocks = "pooler.self_attention_layers."
    num_blocks = 0
    if any(name.startswith(blocks) for name in checkpoint.shapes):
        num_blocks = checkpoint.count(r"pooler\.self_attention_layers\.(\d+)\.")
    cross = "pooler.cross_attention_layer."
    config = {
        "output_dim": checkpoint.shape("classifier.weight", 2)[0],
        "num_blocks": num_blocks + 1,
        "num_heads": num_heads,
        "mlp_dim": checkpoint.shape(f"{cross}mlp.fc1.weight", 2)[0],
        "epsilon": epsilon,
    }
    maps = {"mlp_expand": "mlp.fc1", "mlp_output": "mlp.fc2"}
    parts = [f"{cross}cross_attn.{part}_proj" for part in "kv"]
    arrays = {
        "queries": _arrays.matrix(_QUERY),
        "key_value_kernel": _arrays.joined(*(f"{p}.weight" for p in parts)),
        "key_value_bias": _arrays.appended(*(f"{p}.bias" for p in parts)),
        **_vit.pairs(
            cross,
            norms={"input_norm": "layer_norm1", "mlp_norm": "layer_norm2"},
            maps={"query": "cross_attn.q_proj", **maps},
        ),
        **_vit.linear("head", "classifier"),
    }
    for index in range(num_blocks):
        block = f"{blocks}{index}."
        parts = [f"{block}self_attn.{part}_proj" for part in "qkv"]
        inner = {
            "qkv_kernel": _arrays.joined(*(f"{p}.weight" for p in parts)),
            "qkv_bias": _arrays.appended(*(f"{p}.bias" for p in parts)),
            **_vit.pairs(
                block,
                norms={
                    "attention_norm": "layer_norm1",
                    "mlp_norm": "layer_norm2",
                },
                maps={"attention_output": "self_attn.out_proj", **maps},
            ),
        }
        arrays |= {f"block_{index + 1}/{k}": v for k, v in inner.items()}
    names = _transformers.class_names(checkpoint)
    if len(names) != config["output_dim"]:
        names = ()
    return Readout(
        "final_norm", Network(config, arrays), DeepAttentiveReadout, names
    )
