"""Weak scaling: clips per second of 1, 2, ... processes, each with a batch.

    KERAS_BACKEND=torch python benchmarks/scaling.py --processes=1,2

Starts `torchrun` with each number of processes, by turns. Each process has one
thread and the same number of clips. The last line is JSON; `ratio` is the
clips per second of the most processes, over as many times those of the fewest:
1 if nothing is lost. Processes on one machine share its memory, and on one with
too few cores those, too.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import keras
from absl import flags
from job_parts import endless, long_run, noise

from layerlock import backends
from layerlock.jobs.pretraining import building, processes

FLAGS = flags.FlagValues()
flags.DEFINE_list("processes", ["1", "2"], "Numbers.", flag_values=FLAGS)
flags.DEFINE_string(
    "preset", "video_vit_nano", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "distribution",
    "data",
    ["data", "fsdp"],
    "Of several processes.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("clips", 4, "Clips of a process.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 20, "Timed steps.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 3, "Starts of each number.", flag_values=FLAGS)
flags.DEFINE_bool("worker", False, "One of them.", flag_values=FLAGS)
WARM_UP = 3  # steps


class Timer(keras.callbacks.Callback):
    """The seconds of each step, after some."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        float(logs["batch_loss"])
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """The median of a step."""
        ends = self.ends[WARM_UP - 1 :]
        return statistics.median(
            after - before
            for before, after in zip(ends, ends[1:], strict=False)
        )


def main(argv):
    """Starts the processes, and prints one JSON object."""
    FLAGS(argv)
    if FLAGS.worker:
        return work()
    numbers = sorted(map(int, FLAGS.processes))
    found = {number: [] for number in numbers}
    for _ in range(FLAGS.rounds):
        for number in numbers:
            found[number].append(start(number, argv))
            print(json.dumps({number: found[number][-1]}), flush=True)
    few, many = numbers[0], numbers[-1]
    ratios = [
        fast * few / (slow * many)
        for slow, fast in zip(found[few], found[many], strict=True)
    ]
    facts = {
        "name": "scaling",
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "clips_per_second": {n: statistics.median(x) for n, x in found.items()},
        "distribution": FLAGS.distribution,
        "preset": FLAGS.preset,
        "clips": FLAGS.clips,
        "cores": os.cpu_count(),
    }
    print(json.dumps(facts))


def start(number: int, argv) -> float:
    """Clips per second of a number of processes."""
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run"),
            f"--nproc_per_node={number}",
            *(__file__, *argv[1:], "--worker"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def work():
    """Trains; the first process prints the clips per second of all."""
    count = int(os.environ["WORLD_SIZE"])
    batch_size = count * FLAGS.clips
    kind = FLAGS.distribution if count > 1 else "none"
    backends.start_processes()
    config, method = long_run(
        FLAGS.preset, f"--batch_size={batch_size}", f"--distribution={kind}"
    )
    timer = Timer()
    with building.distributed(config):
        model = building.build(config, method)
        rows = backends.local_rows(batch_size)
        model.fit(
            endless([one[rows] for one in noise(model, batch_size, 2)]),
            steps_per_epoch=WARM_UP + FLAGS.steps,
            shuffle=False,
            verbose=0,
            callbacks=[timer],
        )
    if processes.is_first():
        print(json.dumps(batch_size / timer.seconds))


if __name__ == "__main__":
    main(sys.argv)
