"""Our training step beside one that is written by hand for it alone.

    KERAS_BACKEND=jax python benchmarks/step_time.py --preset=video_vit_tiny
    KERAS_BACKEND=torch python benchmarks/step_time.py \\
        --preset=video_vit_small --batch_size=2

Ours runs through `model.fit` with every callback of `recipes/pretrain.py`, one
log line a round; the other, `handwritten_jax.py` or `handwritten_torch.py`, is
a bare loop, which waits for the device at the end of its turn only. They take
turns of --turn steps. Same network, weights, masks, batches, optimizer and
precision: before anything is timed, both must lose the same over five steps.
Needs optax on JAX (`pip install -e '.[benchmark]'`). The last line is JSON.

On PyTorch every stage is measured twice: eager against eager, and compiled
blocks (`--jit_compile`) against `torch.compile`; --compiled and --nocompiled
leave one of them out. --scanned on JAX lets the step by hand train a turn in
one program.

Nothing but Python counts with the smallest network, one clip and one thread:

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/step_time.py \\
        --preset=video_vit_nano --batch_size=1 --steps=20 --turn=5 --stages=0

On an accelerator, in bfloat16, and with the arithmetic that it is sold for:

    KERAS_BACKEND=jax python benchmarks/step_time.py \\
        --preset=video_vit_large --mixed_precision=bfloat16 --batch_size=256 \\
        --turn=10 --peak_tflops=989
    KERAS_BACKEND=jax python benchmarks/step_time.py --alone --stages=0,32 \\
        --preset=video_vit_enormous --mixed_precision=bfloat16

`utilisation` is the share of --peak_tflops that the matrix products of a step
use, counted from sizes. --alone leaves the other step out, where both do not
fit, or where the peak memory that an allocator reports must be of one of them.
--pretrain_flags adds flags of `layerlock pretrain` to ours.
"""

import json
import sys

import keras
from absl import flags
from step_pair import Case, measure, stages_of

from layerlock import backends
from layerlock.models import presets

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_tiny", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_list(
    "stages",
    None,
    "Numbers of frozen layers. Default: none, a third and two thirds of those "
    "that may freeze.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("batch_size", 4, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_float(
    "mask_ratio", 0.95, "Share of hidden patches.", flag_values=FLAGS
)
flags.DEFINE_float(
    "target_fraction", 1.0, "Share of them that is scored.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "target", "pixels", ["pixels", "latents"], "Target.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "mixed_precision",
    "none",
    ["none", "bfloat16", "float8"],
    "What both compute in; beside float8, the step by hand has bfloat16.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "peak_tflops", None, "What the device can do.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "alone", False, "Only ours, compared with nothing.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "compiled",
    None,
    "On PyTorch: --jit_compile against torch.compile, or eager against eager. "
    "Default: both.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "scanned",
    False,
    "On JAX: the step by hand trains a turn in one program.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "pretrain_flags", [], "Further flags of ours.", flag_values=FLAGS
)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)
flags.DEFINE_integer(
    "turn", 5, "Steps before the other has its turn.", flag_values=FLAGS
)


def main(argv):
    """Measures every stage, and prints one JSON object."""
    FLAGS(argv)
    stages = FLAGS.stages or stages_of(presets.PRESETS[FLAGS.preset])
    found = []
    for compiled in variants():
        for stage in map(int, stages):
            measured = measure(case(stage, compiled))
            found.append(
                {"frozen_layers": stage, "compiled": compiled, **measured}
            )
            print(json.dumps(found[-1]), flush=True)
    print(
        json.dumps(
            {
                "name": "step_time",
                **worst(found, compiled=variants()[0]),
                **{
                    f"{name}_compiled": value
                    for name, value in worst(found, compiled=True).items()
                },
                "preset": FLAGS.preset,
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "batch_size": FLAGS.batch_size,
                "turn": FLAGS.turn,
                "scanned": FLAGS.scanned,
                "mixed_precision": FLAGS.mixed_precision,
                "target": FLAGS.target,
                "mask_ratio": FLAGS.mask_ratio,
                "target_fraction": FLAGS.target_fraction,
                "stages": found,
            }
        )
    )


def variants() -> list[bool]:
    """Whether blocks are compiled, in each of the measurements."""
    if FLAGS.compiled is not None:
        return [FLAGS.compiled]
    return [False, True] if keras.backend.backend() == "torch" else [False]


def worst(found, compiled: bool) -> dict:
    """The ratio of the stage where it is highest, with its range."""
    stages = [stage for stage in found if stage["compiled"] == compiled]
    if not stages:
        return {}
    highest = max(stages, key=lambda stage: stage["ratio"] or 0.0)
    return {name: highest[name] for name in ("ratio", "low", "high")}


def case(stage: int, compiled: bool) -> Case:
    """The case of a stage that the flags name."""
    return Case(
        FLAGS.preset,
        stage,
        FLAGS.batch_size,
        FLAGS.target,
        FLAGS.mixed_precision,
        compiled,
        FLAGS.scanned,
        FLAGS.alone,
        FLAGS.steps,
        FLAGS.rounds,
        FLAGS.turn,
        FLAGS.peak_tflops,
        (
            f"--mask_ratio={FLAGS.mask_ratio}",
            f"--target_fraction={FLAGS.target_fraction}",
            *FLAGS.pretrain_flags,
        ),
    )


if __name__ == "__main__":
    main(sys.argv)
