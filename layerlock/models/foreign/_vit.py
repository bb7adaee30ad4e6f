"""The arrays of vision transformers in the layouts of other libraries."""

from layerlock.models.foreign import _arrays
from layerlock.models.patches import CHANNELS


def timm_blocks(num_layers: int, start: str, attention=None) -> dict:
    """Returns the arrays of blocks with the names of timm.

    Args:
        num_layers: int.
        start: str, what precedes the number of a block.
        attention: function from the start of a block's names to the arrays of
            q, k and v. Defaults to those of one linear map, `attn.qkv`.
    """
    arrays = {}
    for index in range(num_layers):
        block = f"{start}{index}."
        inner = (attention or _one_map)(block)
        inner |= pairs(
            block,
            norms={"attention_norm": "norm1", "mlp_norm": "norm2"},
            maps={
                "attention_output": "attn.proj",
                "mlp_expand": "mlp.fc1",
                "mlp_output": "mlp.fc2",
            },
        )
        arrays |= {f"block_{index + 1}/{k}": v for k, v in inner.items()}
    return arrays


def _one_map(block):
    return {
        "qkv_kernel": _arrays.transposed(f"{block}attn.qkv.weight"),
        "qkv_bias": _arrays.same(f"{block}attn.qkv.bias"),
    }


def pairs(block, norms, maps) -> dict:
    """Returns the arrays of normalisations and linear maps of a block.

    Args:
        block: str, what precedes the names of its arrays.
        norms: dict from LayerLock's names to those of the file.
        maps: dict, likewise.
    """
    arrays = {}
    for ours, theirs in norms.items():
        arrays[f"{ours}_gamma"] = _arrays.same(f"{block}{theirs}.weight")
        arrays[f"{ours}_beta"] = _arrays.same(f"{block}{theirs}.bias")
    for ours, theirs in maps.items():
        arrays[f"{ours}_kernel"] = _arrays.transposed(f"{block}{theirs}.weight")
        arrays[f"{ours}_bias"] = _arrays.same(f"{block}{theirs}.bias")
    return arrays


def transformers_blocks(num_layers: int, start: str, width=None) -> dict:
    """Returns the arrays of blocks as transformers names V-JEPA 2's.

    Args:
        num_layers: int.
        start: str, what precedes the number of a block.
        width: int, features of a token, if q, k and v have no biases.
            Defaults to `None`: they have some.
    """
    arrays = {}
    for index in range(num_layers):
        block = f"{start}{index}."
        maps = [f"{block}attention.{x}" for x in ("query", "key", "value")]
        inner = {
            "qkv_kernel": _arrays.joined(*(f"{m}.weight" for m in maps)),
            "qkv_bias": (
                _arrays.zeros(3 * width)
                if width
                else _arrays.appended(*(f"{m}.bias" for m in maps))
            ),
            **pairs(
                block,
                norms={"attention_norm": "norm1", "mlp_norm": "norm2"},
                maps={
                    "attention_output": "attention.proj",
                    "mlp_expand": "mlp.fc1",
                    "mlp_output": "mlp.fc2",
                },
            ),
        }
        arrays |= {f"block_{index + 1}/{k}": v for k, v in inner.items()}
    return arrays


def norm(name: str, start: str) -> dict:
    """Returns the arrays of a normalisation.

    Args:
        name: str, of LayerLock's variables, such as `"final_norm/norm"`.
        start: str, of the file's names.
    """
    return {
        f"{name}_gamma": _arrays.same(f"{start}.weight"),
        f"{name}_beta": _arrays.same(f"{start}.bias"),
    }


def linear(name: str, start: str) -> dict:
    """Returns the arrays of a linear map; arguments as for `norm`."""
    return {
        f"{name}/kernel": _arrays.transposed(f"{start}.weight"),
        f"{name}/bias": _arrays.same(f"{start}.bias"),
    }


def patch_embedding(start: str) -> dict:
    """Returns the arrays of a 3-D convolution over patches."""
    return {
        "patch_embedding/kernel": _arrays.patch_kernel(f"{start}.weight"),
        "patch_embedding/bias": _arrays.same(f"{start}.bias"),
    }


def check_channels(checkpoint, channels: int):
    """Raises unless clips have red, green and blue."""
    if channels != CHANNELS:
        raise ValueError(
            f"{checkpoint.place} takes clips of {channels} channels. Expected "
            f"{CHANNELS}."
        )
