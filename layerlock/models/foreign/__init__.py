"""Released weights, read exactly: one file per family of encoders."""

from layerlock import plugins
from layerlock.models.foreign import (
    _assembly,
    _checkpoint,
    _refused,
    _vjepa2_probe,
)
from layerlock.models.foreign._hub import local_path as local_path
from layerlock.models.foreign.base import (
    Family as Family,
    Imported as Imported,
    Network as Network,
    Plan as Plan,
    Readout as Readout,
)


def read(path, family: str | None = None, **arguments) -> Imported:
    """Reads the networks of a file or folder of released weights.

    No code from the files runs. Every array of the file is used, or left out
    for a reason that `notes` tells; every weight is read from the file.

    Args:
        path: a folder as transformers writes it; a file `.safetensors`,
            `.npz`, `.pt` or `.pth`; or `hf://USER/NAME`.
        family: str, one of `names()`. Defaults to `None`: it is recognised by
            the names and shapes of the arrays.
        **arguments: of the encoder, where the file does not name them, such
            as `num_heads`, `clip_shape`, `name` or `dtype`; and
            `predictor_heads`, the attention heads of its predictor.

    Raises:
        ValueError: if the file is damaged, belongs to no family or to
            several, or if arrays are missing, unknown or of another shape.
    """
    checkpoint, plan, family = _plan(path, family)
    return _assembly.assemble(checkpoint, plan, family, arguments)


def read_encoder(path, family: str | None = None, **arguments):
    """Reads the encoder that the original evaluates, and nothing else.

    Args:
        path, family, **arguments: as for `read`.
    """
    checkpoint, plan, family = _plan(path, family)
    return _assembly.assemble_encoder(checkpoint, plan, family, arguments)


def read_readout(path, encoder, num_heads: int | None = None):
    """Reads an attentive probe of V-JEPA, whose file has no encoder.

    Args:
        path: as for `read`.
        encoder: the `VideoEncoder` that the probe was trained on.
        num_heads: int, attention heads of the probe. Defaults to `None`: those
            of the published files.

    Returns:
        A `Readout`, and a list of notes.

    Raises:
        ValueError: if the file is damaged, or is no probe of this encoder.
    """
    if not encoder.final_norm:
        raise ValueError(
            "V-JEPA's probes read features after the last norm, which the "
            "encoder does not have. Pass an encoder of V-JEPA."
        )
    checkpoint = _checkpoint.open_path(path)
    readout, left_out = _vjepa2_probe.plan(
        checkpoint, encoder.hidden_dim, encoder.num_heads, num_heads
    )
    return _assembly.assemble_readout(checkpoint, readout, left_out, encoder)


def names() -> list[str]:
    """Returns the names of the families.

    Example:

    >>> "vjepa2" in names()
    True
    """
    return plugins.names(__name__)


def _plan(path, family):
    checkpoint = _checkpoint.open_path(path)
    _refused.check(checkpoint)
    if family is None:
        family = _recognise(checkpoint)
    plan = plugins.find(__name__, family, Family)().plan(checkpoint)
    return checkpoint, plan, family


def _recognise(checkpoint) -> str:
    families = plugins.find_all(__name__, Family)
    found = [
        name
        for name, family in families.items()
        if family().recognises(checkpoint)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"The arrays of {checkpoint.place} may belong to each of {found}. "
            "Name the one with `family`."
        )
    raise ValueError(
        f"The arrays of {checkpoint.place} belong to no known family. "
        f"Received: {checkpoint.summary()}. Known are {list(families)}; if it "
        "is one of them, name it with `family`, which says what is missing."
    )
