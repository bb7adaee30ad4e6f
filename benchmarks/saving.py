"""Step time while weights in parts are written, beside steps without.

    XLA_FLAGS=--xla_force_host_platform_device_count=2 KERAS_BACKEND=jax \\
        python benchmarks/saving.py
    KERAS_BACKEND=torch torchrun --nproc_per_node=2 benchmarks/saving.py
    OMP_NUM_THREADS=1 KERAS_BACKEND=torch taskset --cpu-list 0 \\
        torchrun --nproc_per_node=2 benchmarks/saving.py --writing_core=1

Trains under --distribution=fsdp. A round is some steps, then a checkpoint and
all steps until it is complete. Copying the weights, for which training waits,
counts for those. The last line is JSON; `ratio` is the time of a step while a
checkpoint is written, over that of the steps before. On a CPU, files are
written and their checksums computed by the cores that train, unless
--writing_core names one that is free, as all are beside a GPU.
"""

import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import keras
from absl import flags
from job_parts import endless, long_run, noise
from side_by_side import median_of, ratio

from layerlock import backends
from layerlock.backends.contract import variable_bytes
from layerlock.jobs.pretraining import building, processes
from layerlock.runs.saver import Saver

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_nano", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_integer("batch_size", 8, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 8, "Steps without a save.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 7, "Rounds.", flag_values=FLAGS)
flags.DEFINE_integer(
    "writing_core",
    None,
    "The core of the threads that write. Default: those that train.",
    flag_values=FLAGS,
)


class Rounds(keras.callbacks.Callback):
    """Saves after every `steps` steps, and times the steps.

    Args:
        saver: a `Saver`.
        steps: int, without a save.
        rounds: int, after one that warms up.
    """

    def __init__(self, saver, steps, rounds):
        super().__init__()
        self.saver = saver
        self.steps = steps
        self.rounds = rounds
        self.times = []  # pairs of seconds per step: saving, and not
        self.waits = []  # seconds of each save before training goes on
        self.writing = None
        self.done = 0

    def on_train_batch_end(self, batch, logs=None):
        float(logs["batch_loss"])  # waits for the device
        now = time.perf_counter()
        self.done += 1
        if batch == 0:  # compiles
            self.begin(now)
        elif self.writing is None and self.done == self.steps:
            self.plain = (now - self.began) / self.done
            self.begin(now)
            with threads_on(FLAGS.writing_core):
                self.saver.save(self.model, batch, {}, {})
            self.waits.append(time.perf_counter() - now)
            self.writing = threading.Thread(target=self.saver.wait)
            self.writing.start()
        elif self.writing and not backends.agree(self.writing.is_alive()):
            self.times.append(((now - self.began) / self.done, self.plain))
            self.writing = None
            self.begin(time.perf_counter())
            self.model.stop_training = len(self.times) > self.rounds

    def begin(self, now):
        self.began, self.done = now, 0


@contextlib.contextmanager
def threads_on(core):
    """Threads that start in here run on a core, and those they start."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main(argv):
    """Trains, and prints one JSON object."""
    FLAGS(argv)
    backends.start_processes()
    config, method = long_run(
        FLAGS.preset, f"--batch_size={FLAGS.batch_size}", "--distribution=fsdp"
    )
    folder = processes.first(lambda: tempfile.mkdtemp(prefix="saving-"))
    with building.distributed(config):
        model = building.build(config, method)
        saver = Saver(pathlib.Path(folder), 1, processes.is_first())
        rounds = Rounds(saver, FLAGS.steps, FLAGS.rounds)
        rows = backends.local_rows(FLAGS.batch_size)
        batches = [one[rows] for one in noise(model, FLAGS.batch_size, 2)]
        model.fit(
            endless(batches),
            steps_per_epoch=sys.maxsize,
            shuffle=False,
            verbose=0,
            callbacks=[rounds],
        )
        state = [*model.variables, *model.optimizer.variables]
        facts = {
            "name": "saving",
            **ratio(rounds.times[1:]),
            "step_seconds_saving": median_of(rounds.times[1:], 0),
            "step_seconds": median_of(rounds.times[1:], 1),
            "wait_seconds": sorted(rounds.waits)[len(rounds.waits) // 2],
            "backend": keras.backend.backend(),
            "devices": backends.devices(),
            "processes": backends.process_count(),
            "preset": FLAGS.preset,
            "batch_size": FLAGS.batch_size,
            "checkpoint_bytes": variable_bytes(state),
        }
    backends.barrier()
    if processes.is_first():
        shutil.rmtree(folder)
        print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv)
