"""Flags of `pretrain.py`: each function defines one group of them."""

from common import options

from absl import flags

from layerlock import plugins
from layerlock.core.freezing import schedules
from layerlock.core.pretraining import masks, objectives, target_pass
from layerlock.core.pretraining.objectives.base import TEACHERS
from layerlock.models import presets
from layerlock.runs import trackers


def define(values: flags.FlagValues, freezing: bool = True):
    """Defines every flag of a pre-training run.

    Args:
        values: the recipe's flags.
        freezing: bool, whether to define when layers freeze. Defaults to
            `True`.
    """
    define_method(values)
    if freezing:
        define_freezing(values)
    define_network(values)
    define_data(values)
    define_training(values)
    define_run(values)


def define_method(values: flags.FlagValues):
    """Defines what is predicted, what is hidden, and when layers freeze."""
    define = options.Definer(values)
    define.enum(
        "objective",
        "mae",
        plugins.names(objectives.__name__),
        "What is predicted.",
    )
    define.enum(
        "teacher",
        None,
        TEACHERS,
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
    options.define_arguments(
        values,
        "objective",
        plugins.find_all(objectives.__name__, objectives.Objective),
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
    define.enum(
        "target_context",
        "clip",
        target_pass.CONTEXTS,
        "What the layers see that make the targets: the whole clip, or no more "
        "than its visible and its scored patches, which is cheaper where "
        "--target_fraction is small.",
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
        plugins.names(masks.__name__),
        "Which patches are hidden. Default: multiblock for vjepa, else random.",
    )
    define.float(
        "mask_ratio",
        None,
        "Share of hidden patches. Default: 0.75 for clips of fewer than 1000 "
        "patches, the mask's own for the others.",
    )
    options.define_arguments(
        values, "mask", plugins.find_all(masks.__name__, masks.Mask)
    )


def define_freezing(values: flags.FlagValues):
    """Defines the freeze schedule, and what a freeze does to the head."""
    options.define_schedule(
        values,
        "linear",
        plugins.names(schedules.__name__),
        start="60 % of --steps",
        span="32 % of --steps",
    )
    options.Definer(values).bool(
        "head_reset",
        False,
        "Re-initialise the target head whenever the target moves.",
    )


def define_network(values: flags.FlagValues):
    """Defines the encoder."""
    define = options.Definer(values)
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
        "Compute blocks again in the backward pass, to save memory. On JAX "
        "only a GPU or a TPU saves any.",
    )
    define.bool(
        "jit_compile",
        None,
        "Compile the blocks on PyTorch, or the step with XLA on TensorFlow. "
        "Default: Keras's, which leaves PyTorch eager; JAX compiles.",
    )


def define_data(values: flags.FlagValues):
    """Defines where clips come from."""
    define = options.Definer(values)
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
        "Processes that read clips; 0 reads in a thread. Default: 0 for "
        "scenes, 2 for videos.",
    )
    define.string(
        "validation",
        None,
        "Held-out clips for a loss on fixed clips and masks: like --data.",
    )


def define_training(values: flags.FlagValues):
    """Defines the optimizer and how long it works."""
    options.define_steps(values)
    define = options.Definer(values)
    define.float(
        "learning_rate",
        None,
        "Highest learning rate of AdamW. Default: 4 / width ** 1.5, times "
        "the square root of (batch size times accumulation) / 32.",
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


def define_run(values: flags.FlagValues):
    """Defines where a run is kept, and how often."""
    define = options.Definer(values)
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
        "Optimizer steps between checkpoints. Default: 20 % of --steps, at "
        "most 1000.",
        lower_bound=1,
    )
    define.integer(
        "keep_checkpoints",
        3,
        "Newest checkpoints that are kept.",
        lower_bound=1,
    )
    define.list(
        "track",
        None,
        "Experiment trackers that get the numbers of metrics.jsonl, freezes "
        "and the report: "
        f"{', '.join(plugins.names(trackers.__name__))}; empty for none. "
        "Default: tensorboard where tensorboardX is installed.",
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
    define.bool(
        "resume",
        False,
        "Go on with the run in --run_dir, under the flags that it began with.",
    )
