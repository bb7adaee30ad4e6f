"""Our training step beside one that is written by hand for it alone.

    KERAS_BACKEND=jax python benchmarks/step_time.py --preset=video_vit_tiny
    KERAS_BACKEND=torch python benchmarks/step_time.py \\
        --preset=video_vit_small --batch_size=2

Ours runs through `model.fit` with every callback of `recipes/pretrain.py`, one
log line a round; the other, `handwritten_jax.py` or `handwritten_torch.py`, is
a bare loop. They take turns, a step each. Same network, weights, masks,
batches, optimizer and precision: before anything is timed, both must lose the
same over five steps. Needs optax on JAX (`pip install -e '.[benchmark]'`). The
last line is JSON.
"""

import importlib
import itertools
import json
import sys
import tempfile

import keras
import numpy as np
from absl import flags
from recipe_parts import endless, long_run, noise, open_job
from side_by_side import Rounds

from layerlock import backends, runs
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
flags.DEFINE_bool(
    "compiled",
    False,
    "On PyTorch: --jit_compile against torch.compile.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)


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
    worst = max(found, key=lambda stage: stage["ratio"])
    print(
        json.dumps(
            {
                "name": "step_time",
                "ratio": worst["ratio"],
                "low": worst["low"],
                "high": worst["high"],
                "preset": FLAGS.preset,
                "backend": keras.backend.backend(),
                "compiled": FLAGS.compiled,
                "devices": backends.devices(),
                "batch_size": FLAGS.batch_size,
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
        chosen, method = long_run(
            FLAGS.preset,
            f"--batch_size={FLAGS.batch_size}",
            f"--mask_ratio={FLAGS.mask_ratio}",
            f"--target={FLAGS.target}",
            f"--target_fraction={FLAGS.target_fraction}",
            f"--log_every={FLAGS.steps}",
            *(["--jit_compile"] if FLAGS.compiled else []),
            f"--run_dir={folder}/run",
        )
        model, used, _ = open_job(chosen, method, progress)
        used.lock.compile_ahead = False  # nothing is to run beside the steps
        used.lock.scheduler.freeze(stage)
        handwritten = importlib.import_module(
            f"handwritten_{keras.backend.backend()}"
        )
        theirs = handwritten.Step(
            model,
            frozen_layers=stage,
            target_layer=stage if FLAGS.target == "latents" else 0,
            learning_rate=method.learning_rate,
            weight_decay=chosen["weight_decay"],
            gradient_clip=chosen["gradient_clip"],
            **({"compiled": True} if FLAGS.compiled else {}),
        )
        batches = noise(model, FLAGS.batch_size, NUM_CHECKED)
        losses = Losses()
        turns = itertools.cycle(batches)
        rounds = Rounds(
            lambda: float(theirs(next(turns))),
            FLAGS.steps,
            FLAGS.rounds,
            first_batch=NUM_CHECKED,
        )
        expected = [float(theirs(batch)) for batch in batches[:NUM_CHECKED]]
        model.fit(
            endless(batches),
            steps_per_epoch=rounds.num_batches,
            shuffle=False,
            verbose=0,
            callbacks=[*used.in_order, losses, rounds],
        )
        np.testing.assert_allclose(
            losses.values[:NUM_CHECKED], expected, rtol=1e-3
        )
        ours = backends.measure_step(model).peak_bytes
    return {
        **rounds.found(),
        "losses_ours": losses.values[:NUM_CHECKED],
        "losses_theirs": expected,
        "peak_bytes_ours": ours,
        "peak_bytes_theirs": theirs.peak_bytes(batches[0]),
    }


class Losses(keras.callbacks.Callback):
    """Keeps the loss of every batch."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(float(logs["batch_loss"]))


if __name__ == "__main__":
    main(sys.argv)
