"""What reading clips costs the steps that train beside it.

    KERAS_BACKEND=jax python benchmarks/data_cost.py
    KERAS_BACKEND=torch python benchmarks/data_cost.py --data=/my/videos

Trains the model of `recipes/pretrain.py`, whose flags it takes, by turns on
clips that are read meanwhile and on clips that lie ready. `overheads.py` asks
how long a step waits for its clips; this asks, too, what reading takes from the
cores that train. What was read ahead is used in the next turn of reading, so
that turns are long. The last line is JSON; `ratio` is the time of a step with
reading over one without.
"""

import itertools
import json
import sys
import tempfile
import time

import keras
from job_parts import endless, inputs, open_job, read
from side_by_side import WaitForStep, median_of, ratio

from layerlock import backends, runs

ROUNDS, STEPS = 9, 60
NUM_READY = 8  # batches, used again and again


def main(argv):
    """Measures both, and prints one JSON object."""
    with tempfile.TemporaryDirectory() as folder, runs.Progress() as progress:
        config, method = read([*argv[1:], f"--run_dir={folder}/run"])
        model, _, clips = open_job(config, method, progress)
        batches = inputs.batches(config, clips.source)
        ready = endless(
            [clip for (clip,) in itertools.islice(batches, NUM_READY)]
        )
        times = []
        for number in range(ROUNDS + 1):  # the first compiles
            # Who comes second may find a machine that the first has warmed.
            order = (batches, ready) if number % 2 else (ready, batches)
            taken = {id(data): seconds(model, data) for data in order}
            times.append((taken[id(batches)], taken[id(ready)]))
        batches.close()
    times = times[1:]
    print(
        json.dumps(
            {
                "name": "data_cost",
                **ratio(times),
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "flags": argv[1:],
                "step_seconds_reading": median_of(times, 0) / STEPS,
                "step_seconds_ready": median_of(times, 1) / STEPS,
            }
        )
    )


def seconds(model, batches) -> float:
    """Time of some training steps."""
    time.sleep(0.2)  # what is read ahead is read outside of the turns
    some = (batch for batch in itertools.islice(batches, STEPS))
    started = time.perf_counter()
    model.fit(some, shuffle=False, verbose=0, callbacks=[WaitForStep()])
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv)
