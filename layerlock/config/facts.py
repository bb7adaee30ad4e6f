"""What rules and checks must know of networks, clips and plug-ins.

The one module of this room that looks into others. It imports them inside of
functions, so that options can be listed without loading a framework.
"""

import math
import pathlib

from layerlock import plugins
from layerlock.config.option import OptionError

# The folder of the plug-ins that an option names, and their abstract class.
PLUGINS = {
    "objective": ("layerlock.core.pretraining.objectives", "Objective"),
    "mask": ("layerlock.core.pretraining.masks", "Mask"),
    "schedule": ("layerlock.core.freezing.schedules", "FreezeSchedule"),
    "task": ("layerlock.evaluation.tasks", "Task"),
    "readout": ("layerlock.evaluation.probes", "Probe"),
    "track": ("layerlock.runs.trackers", "Tracker"),
}
TEACHERS = ("ema", "frozen", "self")  # other words are folders
_BASES = {"task": "layerlock.evaluation.task"}  # where it is not the folder's


def names(kind: str):
    """Returns a function that lists the plug-ins of a kind."""
    return lambda: plugins.names(PLUGINS[kind][0])


def base_class(kind: str) -> type:
    """The abstract class of a kind of plug-in."""
    package, name = PLUGINS[kind]
    return getattr(plugins.load(_BASES.get(kind, package)), name)


def plugin_class(kind: str, plugin) -> type:
    """The class of a plug-in that is given as a name or as an instance."""
    base = base_class(kind)
    if isinstance(plugin, str):
        return plugins.find(PLUGINS[kind][0], plugin, base)
    if not isinstance(plugin, base):
        raise OptionError(
            f"`{kind}` is the name of a plug-in, or an instance of "
            f"`{base.__name__}`. Received: {plugin!r}. Expected one of "
            f"{names(kind)()}."
        )
    return type(plugin)


def plugin_classes(kind: str) -> dict[str, type]:
    """All plug-ins of a kind, by name."""
    return plugins.find_all(PLUGINS[kind][0], base_class(kind))


def presets() -> list[str]:
    """The names of the encoders' sizes."""
    from layerlock.models.presets import PRESETS

    return list(PRESETS)


def source_class(data) -> type:
    """The class of the source that `data` names, or is an instance of."""
    from layerlock import data as sources

    if isinstance(data, sources.VideoSource):
        return type(data)
    if not isinstance(data, str):
        raise OptionError(
            "Clips come from the name of a source, a place on this disk, or an "
            f"instance of `VideoSource`. Received: {data!r}."
        )
    return sources.source_class(data)


def source_default(data, name: str):
    """`frames` or `size` of a source, or what is usual for its kind."""
    default = getattr(source_class(data), f"default_{name}")
    return getattr(data, name, default)


def exported_folder(path) -> pathlib.Path:
    """The exported encoder at a path; a run directory holds one."""
    from layerlock.models import exported

    of_run = exported.readable_path(pathlib.Path(path, "encoder"))
    return of_run if of_run.is_dir() else pathlib.Path(path)


def encoder_sizes(encoder) -> dict:
    """The constructor's arguments that preset, or export, and options give.

    Args:
        encoder: the `EncoderConfig`.
    """
    from layerlock.models import exported
    from layerlock.models.presets import PRESETS

    if encoder.init_from:
        try:
            sizes = exported.read_config(exported_folder(encoder.init_from))
        except ValueError as error:
            raise OptionError(
                f"{error} To resume a run whose start was moved, pass its new "
                "place, or the run itself: `init_from=RUN_DIR`."
            ) from error
    else:
        sizes = dict(PRESETS[encoder.preset])
    if encoder.patch_size:
        sizes["patch_size"] = encoder.patch_size
    if encoder.positions:
        sizes["positions"] = encoder.positions
    return sizes


def teacher_folder(config) -> pathlib.Path | None:
    """The exported encoder that is the fixed teacher of a run, if any.

    Args:
        config: a configuration, resolved up to `encoder`.
    """
    teacher = config.encoder.teacher
    if teacher is None or teacher in TEACHERS:
        return None
    return exported_folder(teacher)


def teacher_sizes(config) -> dict | None:
    """The constructor's arguments of the fixed teacher of a run, if any."""
    from layerlock.models import exported

    folder = teacher_folder(config)
    if folder is None:
        return None
    try:
        sizes = exported.read_config(folder)
    except ValueError as error:
        raise OptionError(
            f"`teacher` is one of {list(TEACHERS)}, a run, or an exported "
            f"encoder. Received: teacher={config.encoder.teacher}. {error} To "
            "resume a run whose teacher was moved, pass its new place."
        ) from error
    precision = config.encoder.teacher_precision
    return {**sizes, **({"dtype": policy(precision)} if precision else {})}


def policy(precision: str):
    """Keras's policy for a precision, or its name."""
    if precision == "float8":
        from layerlock.models.float8 import Float8Policy

        return Float8Policy()
    return "float32" if precision == "none" else f"mixed_{precision}"


def teacher_patches(config) -> tuple | None:
    """The patches of the fixed teacher of a run, if any."""
    teacher = teacher_sizes(config)
    return teacher and tuple(teacher["patch_size"])


def check_teacher(config):
    """Raises unless the fixed teacher of a run, if any, fits its encoder."""
    from layerlock.core.pretraining.fixed_teacher import check_patches

    teacher = teacher_sizes(config)
    if teacher is not None:
        student = encoder_sizes(config.encoder)
        check_patches(teacher["patch_size"], student["patch_size"])


def encoder_arguments(config) -> dict:
    """All arguments of the encoder of a pre-training run.

    Args:
        config: a `PretrainConfig`, resolved up to `method`.
    """
    arguments = encoder_sizes(config.encoder)
    arguments["num_decoder_layers"] = _num_decoder_layers(config, arguments)
    size = config.data.size
    arguments["clip_shape"] = (config.data.frames, size, size)
    arguments["remat"] = config.encoder.remat
    return arguments


def predictor_kind(config) -> str:
    """What the objective of a run calls its predictor.

    Args:
        config: a `PretrainConfig`, resolved up to `method`.
    """
    objective, given = config.method.objective, config.method.objective_args
    if not isinstance(objective, str):
        return objective.predictor
    objective_class = plugin_class("objective", objective)
    if isinstance(given, str):
        given = plugins.parse_arguments(given, objective_class)
    return given.get("predictor", objective_class.predictor)


def _num_decoder_layers(config, arguments) -> int:
    """Blocks that decode: none where the predictor is a network of its own."""
    if predictor_kind(config) != "patchwise":
        return 0
    # An encoder of V-JEPA has none: then as many as the presets of its depth.
    return arguments["num_decoder_layers"] or min(
        4, max(1, arguments["num_layers"] // 3)
    )


def num_freezable(config) -> int:
    """How many blocks of the encoder may freeze: those that do not decode."""
    arguments = encoder_arguments(config)
    return arguments["num_layers"] - arguments["num_decoder_layers"]


def num_patches(config) -> int:
    """Patches of a clip."""
    sizes = encoder_sizes(config.encoder)
    pixels = config.data.frames * config.data.size**2
    return pixels // math.prod(sizes["patch_size"])


def judged_sizes(encoder) -> dict:
    """The constructor's arguments of an encoder that is judged or shown.

    Args:
        encoder: a run, an exported encoder, or a floor such as
            `random:PRESET`.
    """
    from layerlock.evaluation import encoders

    return encoders.read_sizes(encoder)


def is_run(path) -> bool:
    """Whether a path is the folder of a pre-training run."""
    try:
        return (pathlib.Path(path) / "metrics.jsonl").exists()
    except OSError:  # a name that no file can have
        return False


def is_held(folder) -> bool:
    """Whether a job writes into a folder now."""
    from layerlock.runs import lock

    return lock.is_held(folder)


def trackers_of_default() -> tuple:
    """The trackers of a run that names none."""
    from layerlock.runs import trackers

    return tuple(trackers.default_names())


def check_trackers(track):
    """Raises if a tracker does not exist or is not installed."""
    from layerlock.runs import trackers

    trackers.check(list(track))


def trainable_readouts() -> list[str]:
    """The readouts that can be trained end to end with an encoder."""
    from layerlock.evaluation import finetuning

    return finetuning.readouts()


def export_formats() -> list[str]:
    """The names of the formats that an encoder is exported to."""
    from layerlock.models import exports

    return plugins.names(exports.__name__)


def export_format(name: str):
    """The format that an encoder is exported to."""
    from layerlock.models import exports

    return exports.get(name)


def foreign_families() -> list[str]:
    """The names of the families of released weights."""
    from layerlock.models import foreign

    return foreign.names()


def fixed_schedules() -> list[str]:
    """The schedules whose events are known before training."""
    return [
        name
        for name, schedule in plugin_classes("schedule").items()
        if not schedule.is_adaptive
    ]
