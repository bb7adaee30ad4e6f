"""Our training step beside one that is written by hand for it alone.

    KERAS_BACKEND=jax python benchmarks/step_time.py --preset=video_vit_tiny
    KERAS_BACKEND=torch python benchmarks/step_time.py \\
        --preset=video_vit_small --batch_size=2

Ours runs through `model.fit` with every callback of `recipes/pretrain.py`, one
log line a round; the other, `handwritten_jax.py` or `handwritten_torch.py`, is
a bare loop. They take turns, a step each, or --turn, and wait for the device
after a turn. Ours runs --together steps per execution. Same network, weights,
masks, batches, optimizer and precision: before anything is timed, both must
lose the same over five steps. Needs optax on JAX (`pip install -e
'.[benchmark]'`). The last line is JSON.

On an accelerator, in bfloat16, and with the arithmetic that it is sold for:

    KERAS_BACKEND=jax python benchmarks/step_time.py \\
        --preset=video_vit_large --mixed_precision=bfloat16 --batch_size=256 \\
        --turn=10 --peak_tflops=989
    KERAS_BACKEND=jax python benchmarks/step_time.py --alone --stages=0,32 \\
        --preset=video_vit_enormous --mixed_precision=bfloat16

`utilisation` is the share of --peak_tflops that the matrix products of a step
use, counted from sizes. --alone leaves the other step out, where both do not
fit, or where the peak memory that an allocator reports must be of one of them.
"""

import itertools
import json
import sys
import tempfile

import keras
import numpy as np
from absl import flags
from job_parts import (
    endless,
    handwritten_step,
    long_run,
    noise,
    open_job,
)
from side_by_side import Rounds

from layerlock import backends, runs
from layerlock.core.costs import flops
from layerlock.models import presets

NUM_CHECKED = 5  # steps whose losses must agree
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
    ["none", "bfloat16"],
    "What both compute in.",
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
    False,
    "On PyTorch: --jit_compile against torch.compile.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)
flags.DEFINE_integer(
    "together", 1, "Steps per execution, of ours.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "turn", 1, "Steps before the other has its turn.", flag_values=FLAGS
)


def main(argv):
    """Measures every stage, and prints one JSON object."""
    FLAGS(argv)
    arguments = presets.PRESETS[FLAGS.preset]
    most = arguments["num_layers"] - arguments["num_decoder_layers"]
    stages = FLAGS.stages or [0, round(most / 3), round(2 * most / 3)]
    found = []
    for stage in map(int, stages):
        found.append({"frozen_layers": stage, **measure(stage)})
        print(json.dumps(found[-1]))
    worst = max(found, key=lambda stage: stage["ratio"] or 0.0)
    print(
        json.dumps(
            {
                "name": "step_time",
                **{name: worst[name] for name in ("ratio", "low", "high")},
                "preset": FLAGS.preset,
                "backend": keras.backend.backend(),
                "compiled": FLAGS.compiled,
                "steps_per_execution": FLAGS.together,
                "devices": backends.devices(),
                "batch_size": FLAGS.batch_size,
                "mixed_precision": FLAGS.mixed_precision,
                "target": FLAGS.target,
                "mask_ratio": FLAGS.mask_ratio,
                "target_fraction": FLAGS.target_fraction,
                "stages": found,
            }
        )
    )


def measure(stage: int) -> dict:
    """Ours over theirs at a stage."""
    with tempfile.TemporaryDirectory() as folder, runs.Progress() as progress:
        config, method = long_run(
            FLAGS.preset,
            f"--batch_size={FLAGS.batch_size}",
            f"--mask_ratio={FLAGS.mask_ratio}",
            f"--target={FLAGS.target}",
            f"--target_fraction={FLAGS.target_fraction}",
            f"--mixed_precision={FLAGS.mixed_precision}",
            f"--log_every={FLAGS.steps}",
            f"--steps_per_execution={FLAGS.together}",
            *(["--jit_compile"] if FLAGS.compiled else []),
            f"--run_dir={folder}/run",
        )
        model, used, _ = open_job(config, method, progress)
        used.lock.compile_ahead = False  # nothing is to run beside the steps
        used.lock.scheduler.freeze(stage)
        # On the device: what it takes to get them there is not asked for.
        batches = [
            keras.ops.convert_to_tensor(batch)
            for batch in noise(model, FLAGS.batch_size, NUM_CHECKED)
        ]
        theirs = expected = None
        compilation = {"compiled": True} if FLAGS.compiled else {}
        if not FLAGS.alone:
            theirs = handwritten_step(
                model, config, method, stage, **compilation
            )
            expected = [float(theirs(batch)) for batch in batches]
        losses = Losses(expected)
        rounds = Rounds(
            taking_turns(theirs, batches),
            FLAGS.steps,
            FLAGS.rounds,
            first_batch=-(-NUM_CHECKED // FLAGS.together) * FLAGS.together,
            turn=FLAGS.turn,
        )
        model.fit(
            endless(batches),
            steps_per_epoch=rounds.num_batches,
            shuffle=False,
            verbose=0,
            callbacks=[*used.in_order, losses, rounds],
        )
        found = {
            **rounds.found(),
            "losses_ours": losses.values,
            "losses_theirs": expected,
            "peak_bytes_ours": backends.measure_step(model).peak_bytes,
        }
        found |= pace(model, stage, found["step_seconds_ours"])
        if theirs is None:
            return found | dict.fromkeys(
                ("ratio", "low", "high", "step_seconds_theirs")
            )
        return found | {"peak_bytes_theirs": theirs.peak_bytes(batches[0])}


def taking_turns(step, batches):
    """A function of a number of steps that does them and waits for the last."""
    turns = itertools.cycle(batches)

    def take(num_steps):
        if step is not None:
            losses = [step(next(turns)) for _ in range(num_steps)]
            float(losses[-1])

    return take


def pace(model, stage, seconds) -> dict:
    """Clips and FLOPs per second, and the share of what the device can do."""
    sizes = flops.StepSizes.of(
        model, model.encoder.clip_shape, FLAGS.batch_size
    )
    tflops = sizes.step_flops(stage, model.target_layers) / seconds / 1e12
    return {
        "clips_per_second": FLAGS.batch_size / seconds,
        "tflops_per_second": tflops,
        "utilisation": FLAGS.peak_tflops and tflops / FLAGS.peak_tflops,
    }


class Losses(keras.callbacks.Callback):
    """Keeps the losses of the first batches, and says if they are wrong.

    Args:
        expected: list of floats, what they must be; `None` for whatever.
    """

    takes_tensors = True  # so that `fit` itself does not wait

    def __init__(self, expected):
        super().__init__()
        self.expected = expected
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        if len(self.values) == NUM_CHECKED:
            return
        several = self.model.steps_per_execution > 1
        losses = self.model.batch_losses if several else logs["batch_loss"]
        losses = np.atleast_1d(keras.ops.convert_to_numpy(losses)).tolist()
        self.values = [*self.values, *losses][:NUM_CHECKED]
        if self.expected and len(self.values) == NUM_CHECKED:
            np.testing.assert_allclose(
                self.values,
                self.expected,
                rtol=1e-3 if FLAGS.mixed_precision == "none" else 1e-2,
            )


if __name__ == "__main__":
    main(sys.argv)
