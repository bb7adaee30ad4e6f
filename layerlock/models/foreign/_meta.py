"""The layout of Meta's V-JEPA files: dicts of networks in the names of timm."""

import re

from layerlock.models.foreign import _arrays, _bfloat16, _vit
from layerlock.models.foreign.base import Network

# Networks of a file; the first one present is taken. The last four are what
# programs call a network that they store alone.
_STUDENT = (
    "encoder",
    "target_encoder",
    "ema_encoder",
    "state_dict",
    "model",
    "module",
    "",
)
_TEACHER = ("ema_encoder", "target_encoder")
_HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 22, 1664: 26}
_OPTIMIZER = "state of the original's optimizer"
_SCALING = "state of the original's loss scaling"
_RECORD = "a record of the original's training"
# What programs store beside networks: numbers, or dicts of them.
_BESIDE = {
    "opt": _OPTIMIZER,
    "optimizer": _OPTIMIZER,
    "scaler": _SCALING,
    "loss_scaler": _SCALING,
    "lr_scheduler": _RECORD,
    "scheduler": _RECORD,
    "rng_state": _RECORD,
    "loss": _RECORD,
    "epoch": _RECORD,
    "step": _RECORD,
    "lr": _RECORD,
    "batch_size": _RECORD,
    "world_size": _RECORD,
}
LEFT_OUT = _BESIDE | {f"{name}/*": why for name, why in _BESIDE.items()}
_PREDICTOR_WIDTH, _PREDICTOR_HEADS = 384, 12  # of V-JEPA 2 and 2.1
_MASK_TOKEN = r"mask_tokens\.(\d{1,4})"
_PATCHES = "patch_embed.proj.weight"


def start_of(checkpoint, section: str, ending: str) -> str | None:
    """Returns what precedes `ending` in the names of a network.

    Args:
        checkpoint: a `Checkpoint`.
        section: str, the network, such as `"encoder"`; empty for a file that
            holds one network only.
        ending: str, the end of the name of an array.
    """
    first = f"{section}/" if section else ""
    for name in checkpoint.shapes:
        rest = name.removeprefix(first)
        if name.startswith(first) and "/" not in rest:
            if re.fullmatch(rf"(\w+\.)*{re.escape(ending)}", rest):
                return name.removesuffix(ending)
    return None


def student_start(checkpoint) -> str | None:
    """Returns what precedes the names of the encoder; `None` without one."""
    for section in _STUDENT:
        start = start_of(checkpoint, section, _PATCHES)
        if start is not None and len(checkpoint.shapes[start + _PATCHES]) == 5:
            return start
    return None


def required_start(checkpoint, title: str) -> str:
    """Returns what precedes the names of the encoder; raises without one."""
    start = student_start(checkpoint)
    if start is None:
        raise ValueError(
            f"{checkpoint.place} has no encoder of {title}. Received: "
            f"{checkpoint.summary()}. Expected an array with 5 axes that ends "
            f"in {_PATCHES}."
        )
    return start


def teacher(checkpoint, trunk: Network, build) -> Network | None:
    """Returns the moving average of the encoder; `None` without one.

    Args:
        checkpoint: a `Checkpoint`.
        trunk: `Network` of the encoder.
        build: function from the checkpoint and what precedes the names of an
            encoder to its `Network`.

    Raises:
        ValueError: if it has other sizes than the encoder.
    """
    start = teacher_start(checkpoint)
    if start is None:
        return None
    network = build(checkpoint, start)
    if network.config != trunk.config:
        differing = {
            name: (value, network.config.get(name))
            for name, value in trunk.config.items()
            if value != network.config.get(name)
        }
        raise ValueError(
            f"The encoder of {checkpoint.place} and its moving average "
            f"({start}) differ. Received: {differing}. Expected equal sizes. "
            "The file was stored in part."
        )
    return network


def teacher_start(checkpoint) -> str | None:
    """Returns what precedes the names of the moving average."""
    student = student_start(checkpoint)
    for section in _TEACHER:
        start = start_of(checkpoint, section, _PATCHES)
        if start not in (None, student) and (
            checkpoint.shapes[start + _PATCHES]
            == checkpoint.shapes[student + _PATCHES]
        ):
            return start
    return None


def predictor_start(checkpoint) -> str | None:
    """Returns what precedes the names of a predictor with mask tokens."""
    for name in checkpoint.shapes:
        if match := re.fullmatch(rf"(predictor/(\w+\.)*){_MASK_TOKEN}", name):
            return match[1]
    return None


def mask_tokens(checkpoint, start: str) -> list[str]:
    """Returns the names of the mask tokens of the predictor, in order."""
    pattern = re.compile(rf"{re.escape(start)}{_MASK_TOKEN}")
    found = [
        (int(match[1]), name)
        for name in checkpoint.shapes
        if (match := pattern.fullmatch(name))
    ]
    numbers = sorted(number for number, _ in found)
    if numbers != list(range(len(found))):
        raise ValueError(
            f"The mask tokens of {checkpoint.place} are not numbered from 0 "
            f"on. Received: {numbers}. It was stored in part."
        )
    return [name for _, name in sorted(found)]


def encoder(checkpoint, start: str, **config) -> Network:
    """Returns an encoder without its positions and its last norm.

    Args:
        checkpoint: a `Checkpoint`.
        start: str, what precedes the names of its arrays.
        **config: arguments of the encoder that the arrays do not tell.
    """
    width, channels, *patch_size = checkpoint.shape(start + _PATCHES, 5)
    _vit.check_channels(checkpoint, channels)
    blocks = f"{start}blocks."
    if f"{blocks}0.mlp.fc3.weight" in checkpoint.shapes:
        raise ValueError(
            f"The blocks of {checkpoint.place} have gated MLPs (SwiGLU, "
            "mlp.fc3), which LayerLock's do not. None of the published files "
            "has them."
        )
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    sizes = {
        "num_layers": num_layers,
        "hidden_dim": width,
        "mlp_dim": checkpoint.shape(f"{blocks}0.mlp.fc1.weight", 2)[0],
        "patch_size": tuple(patch_size),
        "final_norm": True,
        **({"num_heads": _HEADS[width]} if width in _HEADS else {}),
        **checkpoint.pixel_statistics(),
    }
    arrays = {
        **_vit.patch_embedding(f"{start}patch_embed.proj"),
        **_vit.timm_blocks(num_layers, blocks),
    }
    return Network({**sizes, **config}, arrays)


def table_tolerance(table) -> float:
    """Returns how far stored sines may be from those of the formula."""
    return 4e-3 if _bfloat16.fits_bfloat16(table) else 1e-3


def clip_shape(patch_size, frames: int, size: int) -> tuple:
    """Returns a shape of clips that the patches divide.

    >>> clip_shape((2, 16, 16), 64, 256)
    (64, 256, 256)
    """
    return tuple(
        max(1, length // patch) * patch
        for length, patch in zip((frames, size, size), patch_size, strict=True)
    )


def predictor_heads(checkpoint, start: str, notes: list) -> int | None:
    """Returns the heads of all published predictors, if they may be its own.

    Args:
        checkpoint: a `Checkpoint`.
        start: str, what precedes the names of its arrays.
        notes: list of str, to which a doubt is added.
    """
    width = checkpoint.shape(f"{start}predictor_norm.weight", 1)[0]
    if width % _PREDICTOR_HEADS:
        return None
    if width != _PREDICTOR_WIDTH:
        notes.append(
            f"The predictor is {width} wide, unlike those published. Its "
            f"attention heads are taken to be {_PREDICTOR_HEADS}, as theirs: "
            "pass `predictor_heads` if they are others."
        )
    return _PREDICTOR_HEADS


def predictor(checkpoint, start: str, trunk: Network, norm, heads) -> Network:
    """Returns a predictor with the encoder's last norm as its first.

    Args:
        checkpoint: a `Checkpoint`.
        start: str, what precedes the names of its arrays.
        trunk: `Network` of the encoder.
        norm: str, what precedes the names of the encoder's last norm.
        heads: int, attention heads; `None` if unknown.
    """
    blocks = f"{start}predictor_blocks."
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    width = checkpoint.shape(f"{start}predictor_embed.weight", 2)[0]
    masks = mask_tokens(checkpoint, start)
    frames, rows, columns = trunk.config["patch_size"]
    config = {
        "hidden_dim": trunk.config["hidden_dim"],
        "patch_dim": 3 * frames * rows * columns,
        "num_layers": num_layers,
        "num_heads": heads,
        "predictor_dim": width,
        "mlp_dim": checkpoint.shape(f"{blocks}0.mlp.fc1.weight", 2)[0],
        "num_mask_kinds": len(masks),
        "positions": trunk.config["positions"],
        "latent_dim": checkpoint.shape(f"{start}predictor_proj.weight", 2)[0],
    }
    arrays = {
        **_vit.timm_blocks(num_layers, blocks),
        "mask_tokens": _arrays.rows(*masks),
        **_vit.norm("input_norm", norm),
        **_vit.linear("embedding", f"{start}predictor_embed"),
        **_vit.norm("output_norm", f"{start}predictor_norm"),
        **_vit.linear("latent_head_1", f"{start}predictor_proj"),
    }
    return Network(config, arrays, initial=PIXEL_HEAD)


PIXEL_HEAD = ("pixel_head/kernel", "pixel_head/bias")
PIXEL_HEAD_NOTE = (
    "The original's predictor has no head for pixels. LayerLock's begins at "
    "random, and objectives without pixels do not use it."
)
