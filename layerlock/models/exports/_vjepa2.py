"""An encoder, and its predictor, as `VJEPA2Model` of transformers."""

import numpy as np
from keras import ops

from layerlock.models import portable

_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "silu": "silu"}
_WAVELENGTH = 10_000.0
_MAPS = {
    "attention_output": "attention.proj",
    "mlp_expand": "mlp.fc1",
    "mlp_output": "mlp.fc2",
}
_NORMS = {"attention_norm": "norm1", "mlp_norm": "norm2"}
ZEROS_NOTE = (
    "`VJEPA2Model` always has a predictor. The one of this export has no "
    "blocks and is zero: pass `skip_predictor=True`."
)


def expresses(encoder) -> bool:
    """Whether `VJEPA2Model` computes the features of an encoder."""
    _, rows, columns = encoder.patch_size
    _, height, width = encoder.clip_shape
    return (
        encoder.positions == "rotary_tiled"
        and encoder.wavelength == _WAVELENGTH
        and encoder.position_grid is None
        and encoder.final_norm
        and encoder.final_norm_epsilon in (None, encoder.epsilon)
        and rows == columns
        and height == width
        and _has_ratio(encoder.hidden_dim, encoder.mlp_dim)
    )


def expresses_predictor(encoder, predictor) -> bool:
    """Whether `VJEPA2Model` has a predictor like this one."""
    return (
        predictor.positions == "rotary_tiled"
        and predictor.wavelength == _WAVELENGTH
        and predictor.position_grid is None
        and predictor.epsilon == encoder.epsilon
        and predictor.num_latent_heads == 1
        and predictor.latent_dim in (None, encoder.hidden_dim)
        and encoder.activation == "gelu"
        and _has_ratio(predictor.predictor_dim, predictor.mlp_dim)
        and _norms_are_equal(encoder, predictor)
    )


def _has_ratio(dim: int, mlp_dim: int) -> bool:
    return int(dim * (mlp_dim / dim)) == mlp_dim


def _norms_are_equal(encoder, predictor) -> bool:
    """The original normalises once, between encoder and predictor."""
    own = _values(predictor)
    return all(
        np.array_equal(
            ops.convert_to_numpy(variable), own[f"input_{variable.name}"]
        )
        for variable in encoder.output_norm.variables
    )


def config(encoder, predictor=None) -> dict:
    """The content of config.json.

    Args:
        encoder: a `VideoEncoder` that `expresses` allows.
        predictor: a `LatentPredictor` that `expresses_predictor` allows, or
            `None`.
    """
    frames, size, _ = encoder.patch_size
    content = {
        "architectures": ["VJEPA2Model"],
        "model_type": "vjepa2",
        "patch_size": size,
        "crop_size": encoder.clip_shape[1],
        "frames_per_clip": encoder.clip_shape[0],
        "tubelet_size": frames,
        "hidden_size": encoder.hidden_dim,
        "in_chans": 3,
        "num_attention_heads": encoder.num_heads,
        "num_hidden_layers": encoder.num_layers,
        "mlp_ratio": encoder.mlp_dim / encoder.hidden_dim,
        "layer_norm_eps": encoder.epsilon,
        "qkv_bias": True,
        "hidden_act": _ACTIVATIONS[encoder.activation],
        "dtype": "float32",
    }
    if predictor is None:
        return content | {
            "pred_hidden_size": encoder.num_heads,
            "pred_num_attention_heads": 1,
            "pred_num_hidden_layers": 0,
            "pred_num_mask_tokens": 1,
        }
    return content | {
        "pred_hidden_size": predictor.predictor_dim,
        "pred_num_attention_heads": predictor.num_heads,
        "pred_num_hidden_layers": predictor.num_layers,
        "pred_num_mask_tokens": predictor.num_mask_kinds,
        "pred_mlp_ratio": predictor.mlp_dim / predictor.predictor_dim,
    }


def arrays(encoder, predictor=None) -> dict:
    """The weights with the names of transformers; arguments as for `config`."""
    values = {
        path: ops.convert_to_numpy(variable)
        for path, variable in portable.variables(encoder)
    }
    patches = values["patch_embedding/kernel"]
    patches = patches.reshape(*encoder.patch_size, 3, -1)
    embedding = "encoder.embeddings.patch_embeddings.proj"
    found = {
        f"{embedding}.weight": patches.transpose(4, 3, 0, 1, 2),
        f"{embedding}.bias": values["patch_embedding/bias"],
        **_blocks(values, encoder.num_layers, "encoder.layer."),
        "encoder.layernorm.weight": values["final_norm/norm_gamma"],
        "encoder.layernorm.bias": values["final_norm/norm_beta"],
    }
    if predictor is None:
        found |= _no_predictor(encoder.hidden_dim, encoder.num_heads)
    else:
        found |= _predictor(predictor)
    return {name: np.ascontiguousarray(x) for name, x in found.items()}


def _predictor(predictor) -> dict:
    values = _values(predictor)
    names = "predictor.embeddings."
    masks = values["mask_tokens"]
    return {
        f"{names}mask_tokens": masks.reshape(-1, 1, 1, masks.shape[-1]),
        f"{names}predictor_embeddings.weight": values["embedding/kernel"].T,
        f"{names}predictor_embeddings.bias": values["embedding/bias"],
        **_blocks(values, predictor.num_layers, "predictor.layer."),
        "predictor.layernorm.weight": values["output_norm_gamma"],
        "predictor.layernorm.bias": values["output_norm_beta"],
        "predictor.proj.weight": values["latent_head_1/kernel"].T,
        "predictor.proj.bias": values["latent_head_1/bias"],
    }


def _values(network) -> dict:
    """Values by path, without the name of the network."""
    return {
        variable.path.split("/", 1)[1]: ops.convert_to_numpy(variable)
        for variable in network.variables
    }


def _no_predictor(dim: int, own_dim: int) -> dict:
    names = "predictor.embeddings."
    shapes = {
        f"{names}mask_tokens": (1, 1, 1, own_dim),
        f"{names}predictor_embeddings.weight": (own_dim, dim),
        f"{names}predictor_embeddings.bias": (own_dim,),
        "predictor.layernorm.weight": (own_dim,),
        "predictor.layernorm.bias": (own_dim,),
        "predictor.proj.weight": (dim, own_dim),
        "predictor.proj.bias": (dim,),
    }
    return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}


def _blocks(values: dict, num_layers: int, start: str) -> dict:
    found = {}
    for number in range(1, num_layers + 1):
        ours, theirs = f"block_{number}/", f"{start}{number - 1}."
        kernels = np.split(values[f"{ours}qkv_kernel"], 3, axis=1)
        biases = np.split(values[f"{ours}qkv_bias"], 3)
        for part, kernel, bias in zip(
            ("query", "key", "value"), kernels, biases, strict=True
        ):
            found[f"{theirs}attention.{part}.weight"] = kernel.T
            found[f"{theirs}attention.{part}.bias"] = bias
        for name, other in _MAPS.items():
            found[f"{theirs}{other}.weight"] = values[f"{ours}{name}_kernel"].T
            found[f"{theirs}{other}.bias"] = values[f"{ours}{name}_bias"]
        for name, other in _NORMS.items():
            found[f"{theirs}{other}.weight"] = values[f"{ours}{name}_gamma"]
            found[f"{theirs}{other}.bias"] = values[f"{ours}{name}_beta"]
    return found
