"""How long a freeze stalls training, with its step compiled ahead or not.

    KERAS_BACKEND=jax python benchmarks/stall.py --depths=12,24

Trains with two freezes, once with `LayerLock(compile_ahead=False)` and once
with its default; in the second run the freeze comes when the next step has been
compiled, as it does where freezes are some minutes apart. A stall is the freeze
itself, and how much longer than usual the next batch takes. The last line is
JSON; `ratio` is the stall of the second run in usual steps, at the largest
depth, with the lowest and the highest of the freezes.
"""

import json
import statistics
import sys

import keras
import numpy as np
from absl import flags

import layerlock
from layerlock.runs.callbacks.stopwatch import Stopwatch

FLAGS = flags.FlagValues()
flags.DEFINE_list(
    "depths", ["12", "24"], "Numbers of blocks.", flag_values=FLAGS
)
flags.DEFINE_integer("width", 192, "Features of a token.", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 16, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_integer(
    "interval", 12, "Steps between freezes.", flag_values=FLAGS
)
NUM_EVENTS = 2
CLIP_SHAPE = (16, 64, 64)


def main(argv):
    """Measures every depth, and prints one JSON object."""
    FLAGS(argv)
    found = []
    for depth in map(int, FLAGS.depths):
        before, after = measure(depth, False), measure(depth, True)
        found.append(
            {"depth": depth, "compiled_when_needed": before, "ahead": after}
        )
        print(json.dumps(found[-1]))
    stalls = found[-1]["ahead"]["stalls_in_steps"]
    print(
        json.dumps(
            {
                "name": "stall",
                "ratio": statistics.median(stalls),
                "low": min(stalls),
                "high": max(stalls),
                "backend": keras.backend.backend(),
                "width": FLAGS.width,
                "batch_size": FLAGS.batch_size,
                "depths": found,
            }
        )
    )


def measure(depth: int, compile_ahead: bool) -> dict:
    """Stalls of the freezes of a run, in seconds and in usual steps."""
    keras.utils.set_random_seed(0)
    model = build(depth)
    events = [(FLAGS.interval * n, n) for n in range(1, NUM_EVENTS + 1)]
    lock = layerlock.LayerLock(
        layerlock.PiecewiseFreezeSchedule(events), compile_ahead=compile_ahead
    )
    stopwatch = Stopwatch(lock)
    laps = Laps(stopwatch, lock)
    batch = np.random.default_rng(0).integers(
        0, 256, (FLAGS.batch_size, *CLIP_SHAPE, 3), "uint8"
    )
    num_steps = FLAGS.interval * (NUM_EVENTS + 1)
    model.fit(
        ((batch,) for _ in range(num_steps)),
        steps_per_epoch=num_steps,
        verbose=0,
        callbacks=[stopwatch, lock, laps],
    )
    return {
        "step_seconds": laps.step_seconds,
        "stall_seconds": laps.stalls,
        "stalls_in_steps": [s / laps.step_seconds for s in laps.stalls],
    }


def build(depth: int):
    """A masked auto-encoder of some depth."""
    encoder = layerlock.VideoEncoder(
        num_layers=depth,
        num_heads=FLAGS.width // 64,
        hidden_dim=FLAGS.width,
        mlp_dim=4 * FLAGS.width,
        patch_size=(2, 8, 8),
        clip_shape=CLIP_SHAPE,
    )
    model = layerlock.MaskedPretraining(encoder)
    model.compile(keras.optimizers.AdamW(1e-4, global_clipnorm=1.0))
    return model


class Laps(keras.callbacks.Callback):
    """Takes the stall of every freeze, and the pace of the last stage."""

    def __init__(self, stopwatch, lock):
        super().__init__()
        self.stopwatch = stopwatch
        self.lock = lock
        self.stalls = []

    def on_train_batch_end(self, batch, logs=None):
        place = (batch + 1) % FLAGS.interval
        if place == FLAGS.interval - 1:
            if self.lock.compiling is not None:
                self.lock.compiling.wait()
            self.stopwatch.take_lap()
        elif place == 1 and batch >= FLAGS.interval:
            self.stalls.append(self.stopwatch.take_lap()[1])

    def on_train_end(self, logs=None):
        self.step_seconds = statistics.median(self.stopwatch.recent)


if __name__ == "__main__":
    main(sys.argv)
