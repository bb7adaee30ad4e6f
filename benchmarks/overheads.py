"""What a run spends beside its training steps: on data, logs, checkpoints.

    KERAS_BACKEND=jax python benchmarks/overheads.py
    KERAS_BACKEND=torch python benchmarks/overheads.py --data=/my/videos

Runs the job of `recipes/pretrain.py`, whose flags it takes, in a temporary
folder and with every callback, waits for the device after each step, and asks
the clock how long the next batch and each callback took. The report at the end
is not counted. The last line is JSON; its shares are of the time in `fit`.
"""

import collections
import json
import sys
import tempfile
import time

import keras
from job_parts import inputs, open_job, read
from side_by_side import WaitForStep

from layerlock import backends, runs

HOOKS = (
    "on_train_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_train_end",  # waits for what is written beside training
)
FREEZING = "LayerLock"


def main(argv):
    """Measures a run, and prints one JSON object."""
    with tempfile.TemporaryDirectory() as folder, runs.Progress() as progress:
        config, method = read([*argv[1:], f"--run_dir={folder}/run"])
        model, used, clips = open_job(config, method, progress)
        spent = collections.Counter()
        for callback in used.in_order:
            watch(callback, spent)
        batches = inputs.batches(config, clips.source)
        started = time.perf_counter()
        model.fit(
            timed(batches, spent),
            shuffle=False,
            verbose=0,
            callbacks=[WaitForStep(), *used.in_order],
        )
        total = time.perf_counter() - started
        batches.close()
    shares = {name: seconds / total for name, seconds in spent.items()}
    beside = 1 / (1 - sum(shares.values()))  # with these over without
    print(
        json.dumps(
            {
                "name": "overheads",
                "ratio": beside,
                "low": None,  # one run has no spread
                "high": None,
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "flags": argv[1:],
                "seconds": total,
                "data_share": shares.pop("data"),
                "freezing_share": shares.pop(FREEZING),
                "callbacks_share": sum(shares.values()),
                "callbacks": shares,
            }
        )
    )


def watch(callback, spent):
    """Adds to `spent` what the methods of a callback take."""
    for hook in HOOKS:
        setattr(callback, hook, stopped(callback, hook, spent))


def stopped(callback, hook, spent):
    """A method of a callback that is timed."""
    method, name = getattr(callback, hook), type(callback).__name__

    def call(*arguments, **keywords):
        started = time.perf_counter()
        try:
            return method(*arguments, **keywords)
        finally:
            spent[name] += time.perf_counter() - started

    return call


def timed(batches, spent):
    """The batches; adds to `spent` what was waited for each."""
    while True:
        started = time.perf_counter()
        batch = next(batches, None)
        spent["data"] += time.perf_counter() - started
        if batch is None:
            return
        yield batch


if __name__ == "__main__":
    main(sys.argv)
