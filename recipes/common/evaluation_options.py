"""Flags of the recipes that judge or show an encoder."""

import math

from common import options

from absl import flags

from layerlock import plugins
from layerlock.core.freezing import schedules
from layerlock.evaluation import encoders, finetuning, probes, tasks
from layerlock.evaluation.task import Task


def define_probe(values: flags.FlagValues):
    """Defines what is judged, by which task, and how."""
    define_encoder(values)
    _define_task(values, "probes")
    define = options.Definer(values)
    define.enum(
        "readout",
        "attentive",
        plugins.names(probes.__name__),
        "What reads the features.",
    )
    options.define_arguments(
        values,
        "readout",
        plugins.find_all(probes.__name__, probes.Probe),
        "steps=2000,learning_rates=(1e-3,3e-3)",
    )
    define.float(
        "cache_gigabytes",
        8.0,
        "Features are kept on disk while probing if they fit in this much.",
        lower_bound=0.0,
    )


def define_finetune(values: flags.FlagValues):
    """Defines what is fine-tuned, on which task, and how."""
    _define_encoder(
        values,
        "A run directory, an exported encoder, or random:PRESET to train from "
        "scratch.",
    )
    _define_task(values, "finetuned")
    options.define_steps(values)
    define = options.Definer(values)
    define.enum(
        "readout",
        "attentive",
        finetuning.readouts(),
        "What reads the features of the last block.",
    )
    define.float(
        "learning_rate",
        None,
        "Highest learning rate of AdamW. Default: 0.2 / width, times the "
        "square root of batch size / 32.",
    )
    define.float(
        "layer_decay",
        0.75,
        "Block i of n learns at the learning rate times this to the power of "
        "n - i, the embedding as block 0; 1 is the same rate for all.",
    )
    define.float(
        "gradient_clip",
        1.0,
        "Largest norm of the gradient; 0 turns clipping off.",
        lower_bound=0.0,
    )
    define.integer(
        "validate_every",
        None,
        "Optimizer steps between looks at the validation split. Default: "
        "10 % of --steps.",
        lower_bound=1,
    )
    known = plugins.find_all(schedules.__name__, schedules.FreezeSchedule)
    options.define_schedule(
        values,
        "never",
        [name for name, found in known.items() if not found.is_adaptive],
        start="10 % of --steps",
        span="80 % of --steps",
    )


def define_visualise(values: flags.FlagValues):
    """Defines what is shown, and of which video."""
    define_encoder(values)
    define = options.Definer(values)
    define.string("video", None, "The video.")
    define.string("out", None, "The mp4. Default: VIDEO-features.mp4, here.")
    define.float("fps", None, "Default: the video's, at most 8.")
    define.integer(
        "size", None, "Height and width of the frames. Default: the encoder's."
    )
    define.float(
        "seconds", 60.0, "No more of the video than this.", lower_bound=0.1
    )


def define_encoder(values: flags.FlagValues):
    """Defines the frozen encoder, and which of its layers."""
    _define_encoder(
        values,
        "A run directory, an exported encoder, or a floor: random:PRESET or "
        "pixels:PRESET.",
    )
    options.Definer(values).string(
        "layer",
        "0.95",
        "The block that is read: its number, or a share of the depth.",
    )


def layer_number(values: flags.FlagValues, encoder) -> int:
    """The number of the block that `--layer` asks for.

    Args:
        values: the recipe's flags, parsed.
        encoder: what the block is of.
    """
    text = values.layer
    try:
        layer = float(text)
    except ValueError:
        layer = math.nan
    if not math.isfinite(layer):
        raise options.UsageError(
            "--layer is the number of a block, such as 3, or a share of the "
            f"depth, such as 0.95. Received: {text}."
        )
    # 1 is the first block, and 1.0 all of the depth.
    is_number = text.strip().lstrip("+-").isdigit()
    return encoders.layer_number(encoder, int(text) if is_number else layer)


def _define_encoder(values, help_text):
    define = options.Definer(values)
    define.string("encoder", None, help_text)
    define.bool(
        "student",
        False,
        "Of a run with a teacher, take the encoder it is the average of.",
    )


def _define_task(values, folder):
    define = options.Definer(values)
    define.enum(
        "task",
        "scenes_motion",
        plugins.names(tasks.__name__),
        "What is asked of the features.",
    )
    options.define_arguments(
        values,
        "task",
        plugins.find_all(tasks.__name__, Task),
        "single_frame=True",
    )
    define.string("data", None, "Where the task's files are.")
    define.integer("frames", None, "Frames of a clip. Default: the encoder's.")
    define.integer(
        "size", None, "Height and width of a clip. Default: the encoder's."
    )
    define.integer(
        "seed",
        0,
        "Of a random encoder and of the readout; clips have one of their own, "
        "--task_args=seed=1.",
        lower_bound=0,
    )
    define.string(
        "out",
        None,
        f"Folder of the results. Default: {folder}/TASK-READOUT in the run's, "
        "or in runs/ for other encoders.",
    )
