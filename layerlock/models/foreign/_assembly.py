"""Builds the networks of a plan and fills them, array by array."""

import dataclasses
import fnmatch

import numpy as np

from layerlock.models import transfer, weights
from layerlock.models.foreign.base import Imported, Source
from layerlock.models.predictor import LatentPredictor
from layerlock.models.video_encoder import VideoEncoder

_MAX_NAMES = 20  # in a message


def assemble(checkpoint, plan, family: str, arguments: dict) -> Imported:
    """Returns the networks of a plan, with weights.

    Args:
        checkpoint: a `Checkpoint`.
        plan: a `Plan`.
        family: str, its name.
        arguments: dict, of the encoder, in place of the plan's.

    Raises:
        ValueError: if arrays are missing, left over or of another shape.
    """
    notes = [*plan.notes, *_check_names(checkpoint, plan, family)]
    arguments = dict(arguments)
    predictor_heads = arguments.pop("predictor_heads", None)
    encoder = _encoder(checkpoint, plan.encoder, arguments)
    teacher = predictor = None
    if plan.teacher is not None:
        named = {"name": f"{encoder.name}_teacher", **arguments}
        teacher = _encoder(checkpoint, plan.teacher, named)
    if plan.predictor is not None:
        heads = predictor_heads or plan.predictor.config["num_heads"]
        if plan.predictor_has_heads_of_encoder and not predictor_heads:
            heads = encoder.num_heads
        if not heads:
            raise ValueError(
                f"{checkpoint.place} does not tell the attention heads of its "
                "predictor. Pass `predictor_heads`."
            )
        predictor = LatentPredictor(
            **{
                **plan.predictor.config,
                "num_heads": heads,
                "clip_grid": encoder.grid(),
                "dtype": encoder.dtype_policy,
                "name": "predictor",
            }
        )
        _fill(checkpoint, predictor, plan.predictor)
    readout = None
    if plan.readout is not None:
        readout = _readout(checkpoint, plan.readout, encoder)
        notes.append(
            f"The file has a readout of the features {readout.layer!r}: "
            "`foreign.read` returns it as `readout`."
        )
    source = Source(family, checkpoint.place, checkpoint.files)
    return Imported(encoder, predictor, teacher, readout, notes, source)


def assemble_encoder(checkpoint, plan, family: str, arguments: dict):
    """Returns the encoder that the original evaluates, with weights.

    Args:
        checkpoint, plan, family, arguments: as for `assemble`.
    """
    _check_names(checkpoint, plan, family)
    arguments = {k: v for k, v in arguments.items() if k != "predictor_heads"}
    return _encoder(checkpoint, plan.teacher or plan.encoder, arguments)


def assemble_readout(checkpoint, planned, left_out, encoder):
    """Returns a readout that a file has alone, and notes.

    Args:
        checkpoint: a `Checkpoint`.
        planned: a `Readout` with a `Network`.
        left_out: dict, as of a `Plan`.
        encoder: the `VideoEncoder` whose features it reads.
    """
    notes = _check_arrays(checkpoint, [planned.network], left_out, "a probe")
    return _readout(checkpoint, planned, encoder), notes


def _check_names(checkpoint, plan, family) -> list[str]:
    """Raises unless every array is used or left out; returns the latter."""
    readout = plan.readout and plan.readout.network
    networks = (plan.encoder, plan.predictor, plan.teacher, readout)
    return _check_arrays(checkpoint, networks, plan.left_out, repr(family))


def _check_arrays(checkpoint, networks, reasons, owner) -> list[str]:
    used = {
        name
        for network in networks
        if network is not None
        for array in network.arrays.values()
        for name in array.names
    }
    left_out = {
        pattern: fnmatch.filter(checkpoint.shapes, pattern)
        for pattern in reasons
    }
    unknown = checkpoint.shapes.keys() - used
    unknown -= {name for found in left_out.values() for name in found}
    missing = used - checkpoint.shapes.keys()
    if missing or unknown:
        raise ValueError(
            f"The arrays of {checkpoint.place} are not those of {owner}. "
            f"Missing: {_shown(missing)}. Unknown: {_shown(unknown)}. The file "
            "was stored in part, or is one of another family or version."
        )
    return [
        f"{pattern} ({len(found)} arrays) left out: {reasons[pattern]}"
        for pattern, found in left_out.items()
        if found
    ]


def _shown(names) -> str:
    names = sorted(names)
    more = len(names) - _MAX_NAMES
    text = ", ".join(names[:_MAX_NAMES]) or "none"
    return text + (f" and {more:,} more" if more > 0 else "")


def _encoder(checkpoint, network, arguments):
    arguments, clip_shape = transfer.split_clip_shape(network.config, arguments)
    config = {**network.config, **arguments}
    if "num_heads" not in config:
        raise ValueError(
            f"{checkpoint.place} does not tell the attention heads of an "
            f"encoder of width {config['hidden_dim']}. Pass `num_heads`."
        )
    layers = config["num_layers"]
    config.setdefault("num_decoder_layers", min(4, layers - 1))
    try:
        with weights.without_initial_values():
            encoder = VideoEncoder(**config)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(
            f"No encoder can be built for {checkpoint.place} with {config}: "
            f"{error}"
        ) from error
    _fill(checkpoint, encoder, network)
    return transfer.resized(encoder, clip_shape)


def _readout(checkpoint, planned, encoder):
    network = planned.network
    layer = planned.kind(
        **{"dtype": encoder.dtype_policy, "name": "readout", **network.config}
    )
    layer.build((None, *encoder.grid(), encoder.hidden_dim))
    _fill(checkpoint, layer, network)
    return dataclasses.replace(planned, network=layer)


def _fill(checkpoint, model, network):
    """Assigns the arrays, of which one is in memory at a time."""
    left = dict(network.arrays)
    for variable in model.weights:
        path = variable.path.split("/", 1)[1]
        if path in network.initial:
            continue
        if path not in left:
            raise ValueError(
                f"{checkpoint.place} has no arrays for {path}, which a network "
                f"with {network.config} has. Arrays of the family are: "
                f"{_shown(network.arrays)}."
            )
        array = left.pop(path)
        given = [checkpoint.read(name) for name in array.names]
        try:
            value = array.convert(*given)
        except (ValueError, IndexError) as error:  # of shapes
            raise ValueError(
                f"{' and '.join(array.names)} in {checkpoint.place} cannot "
                f"become {path}: their shapes are {[x.shape for x in given]}."
            ) from error
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"{' and '.join(array.names)} in {checkpoint.place} have "
                f"another shape than the rest of the file implies: {path} is "
                f"{value.shape}. Expected {tuple(variable.shape)}."
            )
        if not np.isfinite([np.min(value), np.max(value)]).all():
            raise ValueError(
                f"{' and '.join(array.names)} in {checkpoint.place} have "
                f"values that are not finite, for {path}. The training failed, "
                "or the file is damaged."
            )
        variable.assign(value)
    if left:
        raise ValueError(
            f"{checkpoint.place} has arrays for {sorted(left)}, which a "
            f"network with {network.config} does not have."
        )
