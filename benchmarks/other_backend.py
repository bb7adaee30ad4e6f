"""Our training step on one backend beside the same step on another.

    KERAS_BACKEND=tensorflow python benchmarks/other_backend.py --other=jax
    KERAS_BACKEND=torch python benchmarks/other_backend.py --other=jax \\
        --stages=0,3

Each trains in a process of its own, with every callback of `layerlock
pretrain`, on the same number of clips; while one takes its turn of --turn
steps, the other waits. --pretrain_flags and --other_flags add flags of
`layerlock pretrain`, such as `--jit_compile`. The last line is JSON; `ratio`
is the time of a step on KERAS_BACKEND over that on --other, of the stage where
it is highest.
"""

import contextlib
import json
import os
import subprocess
import sys

import keras
from absl import flags
from job_parts import endless, long_run, noise
from side_by_side import Rounds
from stage_job import opened

from layerlock import backends

FLAGS = flags.FlagValues()
flags.DEFINE_enum(
    "other",
    "jax",
    ["jax", "torch", "tensorflow"],
    "Backend of the process beside this one.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "preset", "video_vit_tiny", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_list(
    "stages", ["0"], "Numbers of frozen layers.", flag_values=FLAGS
)
flags.DEFINE_integer("batch_size", 4, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "pretrain_flags", [], "Further flags of this backend.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "other_flags", [], "Further flags of the other.", flag_values=FLAGS
)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)
flags.DEFINE_integer(
    "turn", 5, "Steps before the other has its turn.", flag_values=FLAGS
)
flags.DEFINE_bool("serve", False, "Be that other process.", flag_values=FLAGS)
_DONE = "steps are done"


def main(argv):
    """Measures every stage, and prints one JSON object."""
    FLAGS(argv)
    if FLAGS.serve:
        train(int(FLAGS.stages[0]), Served(), sys.maxsize)
        return
    found = []
    for stage in map(int, FLAGS.stages):
        with other(stage) as ask:
            rounds = Rounds(
                ask, FLAGS.steps, FLAGS.rounds, FLAGS.turn, FLAGS.turn
            )
            train(stage, rounds, rounds.num_batches)
        found.append({"frozen_layers": stage, **rounds.found()})
        print(json.dumps(found[-1]), flush=True)
    highest = max(found, key=lambda stage: stage["ratio"])
    print(
        json.dumps(
            {
                "name": "other_backend",
                **{name: highest[name] for name in ("ratio", "low", "high")},
                "backend": keras.backend.backend(),
                "other": FLAGS.other,
                "devices": backends.devices(),
                "preset": FLAGS.preset,
                "batch_size": FLAGS.batch_size,
                "stages": found,
            }
        )
    )


def train(stage: int, callback, steps: int):
    """Trains a run at a stage with its callbacks and one more."""

    def configuration(run_dir):
        return long_run(
            FLAGS.preset,
            f"--batch_size={FLAGS.batch_size}",
            "--target=pixels",
            f"--log_every={FLAGS.steps}",
            f"--run_dir={run_dir}",
            *FLAGS.pretrain_flags,
        )

    with opened(configuration, stage) as job:
        batches = [
            keras.ops.convert_to_tensor(batch)
            for batch in noise(job.model, FLAGS.batch_size, 4)
        ]
        job.model.fit(
            endless(batches),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[*job.callbacks, callback],
        )


class Served(keras.callbacks.Callback):
    """Trains as many steps as each line of the standard input asks for."""

    takes_tensors = True

    def __init__(self):
        super().__init__()
        self.left = 1  # the first batch compiles

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left:
            return
        float(logs["batch_loss"])  # waits for the device
        print(_DONE, flush=True)
        line = sys.stdin.readline()
        self.left = int(line or 1)
        self.model.stop_training = not line


@contextlib.contextmanager
def other(stage: int):
    """The other process; yields a function that has it train some steps."""
    arguments = {
        "preset": FLAGS.preset,
        "stages": stage,
        "batch_size": FLAGS.batch_size,
        "steps": FLAGS.steps,
    }
    command = [
        *(sys.executable, __file__, "--serve"),
        *(f"--{name}={value}" for name, value in arguments.items()),
        *(f"--pretrain_flags={flag}" for flag in FLAGS.other_flags),
    ]
    with subprocess.Popen(
        command,
        env={**os.environ, "KERAS_BACKEND": FLAGS.other},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def wait():
            if _DONE not in map(str.strip, process.stdout):  # reads up to it
                sys.exit(f"other_backend: the step on {FLAGS.other} failed.")

        def ask(num_steps):
            process.stdin.write(f"{num_steps}\n")
            process.stdin.flush()
            wait()

        wait()
        yield ask


if __name__ == "__main__":
    main(sys.argv)
