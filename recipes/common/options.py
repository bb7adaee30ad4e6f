"""Flags that recipes share: each function defines one group of them."""

import sys
from functools import partial

from absl import flags

from layerlock.core import lookup
from layerlock.core.schedules import FreezeSchedule
from layerlock.evaluation import finetuning
from layerlock.models import presets


class _Definer:
    """absl's DEFINE functions, for one recipe's own flags."""

    def __init__(self, values: flags.FlagValues):
        for kind in ("bool", "enum", "float", "integer", "list", "string"):
            function = getattr(flags, f"DEFINE_{kind}")
            setattr(self, kind, partial(function, flag_values=values))


def define_method(values: flags.FlagValues):
    """Defines what is predicted, what is hidden, and when layers freeze."""
    define = _Definer(values)
    define.enum(
        "objective",
        "mae",
        lookup.names("layerlock.core.objectives"),
        "What is predicted.",
    )
    define.enum(
        "teacher",
        None,
        ["ema", "frozen", "self"],
        "vjepa: where targets come from: a moving average, the frozen layers, "
        "or the encoder itself, which can collapse. Default: ema.",
    )
    define.list(
        "momentum",
        None,
        "vjepa: share of its weights that the moving average keeps, or first "
        "and last share of a run. Default: 0.998,1, and less than 0.998 in a "
        "run of fewer than 10000 steps.",
    )
    define.bool(
        "target_gradient",
        False,
        "Let the gradient through targets that move: the baseline that "
        "collapses.",
    )
    define.bool(
        "allow_moving_target",
        False,
        "Predict layers that are neither frozen nor a teacher's.",
    )
    define.string(
        "objective_args",
        "",
        "Further arguments of the objective: name=value,...",
    )
    define.enum(
        "target",
        "latents",
        ["latents", "pixels"],
        "mae: latents, the newest frozen layer (LayerLock), or pixels "
        "(freezing only).",
    )
    define.integer(
        "target_lag",
        0,
        "mae: layers that the target stays behind the newest frozen one.",
    )
    define.float(
        "target_fraction",
        1.0,
        "Share of the hidden patches that is decoded and scored.",
    )
    define.integer(
        "masks_per_clip",
        1,
        "Masks drawn for every clip; they share the target's pass.",
        lower_bound=1,
    )
    define.enum(
        "mask",
        None,
        lookup.names("layerlock.core.masks"),
        "Which patches are hidden. Default: multiblock for vjepa, else random.",
    )
    define.float(
        "mask_ratio",
        None,
        "Share of hidden patches. Default: 0.75 for presets nano and tiny, "
        "the mask's own for the others.",
    )
    define.string(
        "mask_args",
        "",
        "Further arguments of the mask: name=value,...",
    )


def define_freezing(values: flags.FlagValues):
    """Defines the freeze schedule, and what a freeze does to the head."""
    _define_schedule(
        values,
        "linear",
        lookup.names("layerlock.core.schedules"),
        start="60 % of --steps; 10 % for vjepa",
        span="32 % of --steps; 80 % for vjepa",
    )
    _Definer(values).bool(
        "head_reset",
        False,
        "Re-initialise the target head whenever the target moves.",
    )


def _define_schedule(values, default, names, start, span):
    define = _Definer(values)
    define.enum("schedule", default, names, "When layers freeze.")
    define.integer(
        "start_step",
        None,
        f"Optimizer step of the first freeze. Default: {start}.",
    )
    define.integer(
        "interval",
        None,
        f"Optimizer steps between freezes. Default: all freezes take {span}.",
    )
    define.integer(
        "layers_per_event",
        None,
        "Layers that freeze together. Default: 1.",
    )
    define.integer(
        "max_frozen_layers",
        None,
        "Where freezing stops. Default: 70 % of the layers that may freeze.",
    )
    define.string(
        "schedule_args",
        "",
        "Arguments of the schedule: name=value,..., such as "
        "--schedule=piecewise --schedule_args='events=[(600,1),(700,3)]'.",
    )


def define_network(values: flags.FlagValues):
    """Defines the encoder."""
    define = _Definer(values)
    define.enum(
        "preset",
        "video_vit_nano",
        list(presets.PRESETS),
        "Size of the encoder.",
    )
    define.string(
        "init_from",
        None,
        "Start from an exported encoder: a run's encoder/ folder.",
    )
    define.enum(
        "positions",
        None,
        ["rotary", "rotary_qk", "learned", "sincos", "none"],
        "How tokens know where they are. Default: rotary.",
    )
    define.list(
        "patch_size",
        None,
        "Frames, rows and columns of a patch. Default: the preset's.",
    )
    define.enum(
        "mixed_precision",
        "none",
        ["none", "bfloat16", "float16"],
        "Precision of the networks; weights and losses stay in float32.",
    )
    define.bool(
        "remat",
        False,
        "Compute blocks again in the backward pass, to save memory.",
    )


def define_data(values: flags.FlagValues):
    """Defines where clips come from."""
    define = _Definer(values)
    define.string(
        "data",
        "scenes",
        "scenes, or a folder, a glob or a .txt list of videos.",
    )
    define.integer(
        "frames",
        None,
        "Frames of a clip. Default: 8 for scenes, 16 for videos.",
    )
    define.integer(
        "size",
        None,
        "Height and width of a clip. Default: 32 for scenes; 64 for videos "
        "under nano and tiny, 224 under the others.",
    )
    define.float(
        "fps",
        None,
        "Frames per second to read videos at.",
    )
    define.integer(
        "workers",
        None,
        "Processes that read clips; 0 reads in threads. Default: 0 for "
        "scenes, 2 for videos.",
    )
    define.string(
        "validation",
        None,
        "Held-out clips for a loss on fixed clips and masks: like --data.",
    )


def define_training(values: flags.FlagValues):
    """Defines the optimizer and how long it works."""
    _define_steps(values)
    define = _Definer(values)
    define.float(
        "learning_rate",
        None,
        "Highest learning rate of AdamW. Default: 0.2 / width, times the "
        "square root of (batch size times accumulation) / 32.",
    )
    define.integer(
        "mini_warmup_steps",
        None,
        "Steps over which the learning rate rises again after a freeze. "
        "Default: a quarter of --interval; 0 turns it off.",
        lower_bound=0,
    )
    define.float(
        "gradient_clip",
        None,
        "Largest norm of the gradient; 0 turns clipping off. Default: 1; 10 "
        "for vjepa.",
        lower_bound=0.0,
    )
    define.integer(
        "accumulation",
        1,
        "Batches per optimizer step.",
        lower_bound=1,
    )
    define.enum(
        "distribution",
        "none",
        ["none", "data", "model"],
        "Over the devices: copies of the model, or parts of it. JAX only.",
    )
    define.integer(
        "seed",
        0,
        "Of weights, clips and masks.",
        lower_bound=0,
    )


def _define_steps(values):
    define = _Definer(values)
    define.integer("steps", 1000, "Optimizer steps.", lower_bound=1)
    define.integer("batch_size", 32, "Clips in a batch.", lower_bound=1)
    define.float("weight_decay", 0.05, "Of AdamW.", lower_bound=0.0)
    define.integer(
        "warmup_steps",
        None,
        "Default: 5 % of --steps.",
        lower_bound=0,
    )


def define_run(values: flags.FlagValues):
    """Defines where a run is kept, and how often."""
    define = _Definer(values)
    define.string(
        "run_dir",
        None,
        "Folder of the run. Default: runs/ and the time.",
    )
    define.integer(
        "log_every",
        None,
        "Optimizer steps between lines of metrics.jsonl. Default: 1 % of "
        "--steps, at most 50.",
        lower_bound=1,
    )
    define.integer(
        "checkpoint_every",
        None,
        "Optimizer steps between checkpoints. Default: 10 % of --steps, at "
        "most 1000.",
        lower_bound=1,
    )
    define.integer(
        "keep_checkpoints",
        3,
        "Newest checkpoints that are kept.",
        lower_bound=1,
    )
    define.string(
        "compilation_cache",
        "~/.cache/layerlock",
        "JAX: folder of compiled programs, which later runs need not compile "
        "again; empty for none. JAX_COMPILATION_CACHE_DIR goes first.",
    )
    define.integer(
        "monitor_every",
        None,
        "Optimizer steps between comparisons of the layers with themselves. "
        "Default: 5 % of --steps, at most 1000.",
        lower_bound=1,
    )
    define.integer(
        "probe_every",
        None,
        "Optimizer steps between votes of the features' nearest neighbours on "
        "classes, logged as probe_top1. A multiple of --log_every. Default: "
        "none.",
        lower_bound=1,
    )
    define.string(
        "probe_data",
        None,
        "Class sub-folders of videos for --probe_every. Default: the motion "
        "of procedural scenes.",
    )
    define.enum(
        "on_collapse",
        "warn",
        ["warn", "stop"],
        "What to do when the features collapse.",
    )
    define.bool("resume", False, "Go on with the run in --run_dir.")


def define_encoder(values: flags.FlagValues):
    """Defines the frozen encoder, and which of its layers."""
    _define_encoder(
        values,
        "A run directory, an exported encoder, or a floor: random:PRESET or "
        "pixels:PRESET.",
    )
    _Definer(values).string(
        "layer",
        "0.95",
        "The block that is read: its number, or a share of the depth.",
    )


def _define_encoder(values, help_text):
    define = _Definer(values)
    define.string("encoder", None, help_text)
    define.bool(
        "student",
        False,
        "Of a run with a teacher, take the encoder it is the average of.",
    )


def define_visualise(values: flags.FlagValues):
    """Defines what is shown, and of which video."""
    define_encoder(values)
    define = _Definer(values)
    define.string("video", None, "The video.")
    define.string("out", None, "The mp4. Default: VIDEO-features.mp4, here.")
    define.float("fps", None, "Default: the video's, at most 8.")
    define.integer(
        "size", None, "Height and width of the frames. Default: the encoder's."
    )
    define.float(
        "seconds", 60.0, "No more of the video than this.", lower_bound=0.1
    )


def define_probe(values: flags.FlagValues):
    """Defines what is judged, by which task, and how."""
    define_encoder(values)
    _define_task(values, "probes")
    define = _Definer(values)
    define.enum(
        "readout",
        "attentive",
        lookup.names("layerlock.evaluation.probes"),
        "What reads the features.",
    )
    define.string(
        "readout_args",
        "",
        "Arguments of the readout: name=value,..., such as "
        "steps=2000,learning_rates=(1e-3,3e-3).",
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
    _define_steps(values)
    define = _Definer(values)
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
    known = lookup.find_all("layerlock.core.schedules", FreezeSchedule)
    _define_schedule(
        values,
        "never",
        [name for name, found in known.items() if not found.grows],
        start="10 % of --steps",
        span="80 % of --steps",
    )


def _define_task(values, folder):
    define = _Definer(values)
    define.enum(
        "task",
        "scenes_motion",
        lookup.names("layerlock.evaluation.tasks"),
        "What is asked of the features.",
    )
    define.string(
        "task_args",
        "",
        "Arguments of the task: name=value,..., such as single_frame=True.",
    )
    define.string("data", None, "Where the task's files are.")
    define.integer("frames", None, "Frames of a clip. Default: the encoder's.")
    define.integer(
        "size", None, "Height and width of a clip. Default: the encoder's."
    )
    define.integer(
        "seed",
        0,
        "Of a random encoder, the readout and the clips.",
        lower_bound=0,
    )
    define.string(
        "out",
        None,
        f"Folder of the results. Default: {folder}/TASK-READOUT in the run's, "
        "or in runs/ for other encoders.",
    )


def parse(values: flags.FlagValues, argv: list[str], usage: str):
    """Parses the command line into a recipe's own flags; leaves on mistakes.

    Args:
        values: the recipe's flags.
        argv: the command line, program name first.
        usage: the recipe's docstring, for `--help`.
    """
    if {"--help", "-h", "-help"} & set(argv[1:]):
        print(f"{usage}\nFlags:\n{values.get_help()}")
        sys.exit(0)
    try:
        _, *stray = values(argv)
    except flags.Error as error:
        sys.exit(f"{error}\nSee --help.")
    if stray:
        sys.exit(f"Unexpected arguments: {stray}. Flags start with --.")
    flags.FLAGS(argv[:1])  # Grain's workers ask for absl's global flags
