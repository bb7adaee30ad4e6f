"""Measures one row of `gpu.py`, in a process of its own.

The last line is JSON. Which row, is a JSON object of the arguments of `Row`:

    KERAS_BACKEND=torch python benchmarks/gpu_row.py \\
        '{"kind": "step", "backend": "torch", "size": "large"}'
"""

import gc
import importlib
import json
import sys
import tempfile

import keras
from gpu_rows import PUBLISHED_CLIPS, Row
from job_parts import building, handwritten_step, noise
from kernels import summary
from largest_batch import estimate, first_that_fits
from step_pair import Case, measure

from layerlock import backends
from layerlock.backends.contract import variable_bytes
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.core.costs.memory import StepMemory
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.jobs.pretraining import costs

CPU_MEMORY = int(1e9)  # that a rehearsal pretends to have


def main(argv):
    """Measures a row, and prints one JSON object."""
    row = Row(**json.loads(argv[1]))
    found = KINDS[row.kind](row)
    print(json.dumps({"device": backends.devices()[0], **found}))


def measure_step(row: Row) -> dict:
    """Ours beside the step by hand, with the largest batch that fits both."""
    peak, fixed = probe(row)
    guess = row.batch_size
    if peak is not None:
        # The step by hand holds weights and slots of its own.
        guess = estimate(
            peak, fixed, row.batch_size, device_memory(), held=2 * fixed
        )
    if row.is_tiny:
        guess = min(guess, 2 * row.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        batch_size, found = first_that_fits(
            lambda batch_size: measure(case(row, batch_size), folder),
            guess,
        )
        return {"batch_size": batch_size, **found, "trace": kernels_of(folder)}


def kernels_of(folder) -> dict | None:
    """The summary of a trace; without one, the times are still worth much."""
    try:
        return summary(folder)
    except (ValueError, KeyError, OSError) as error:
        print(f"No kernels: {error!r}", file=sys.stderr)
        return None


def measure_memory(row: Row) -> dict:
    """The peak of a step of ours, beside the estimate of `--plan`."""
    config, method = case(row, row.batch_size).configuration("runs/none")
    sizes = costs.step_sizes(config, method)
    planned = StepMemory.of(
        sizes, row.stage, bytes_per_number=4 if row.is_tiny else 2
    )
    peak, fixed = probe(row)
    return {
        "batch_size": row.batch_size,
        "peak_bytes": peak,
        "planned_bytes": planned.peak,
        "ratio": peak and peak / planned.peak,
        "fixed_bytes": fixed,
    }


def measure_remat(row: Row) -> dict:
    """Clips that fit: ours with and without `--remat`, and by hand."""
    found = {}
    for name, flags in (("ours", ()), ("remat", ("--remat",))):
        peak, fixed = probe(row, *flags)
        found[f"clips_{name}"] = peak and estimate(
            peak, fixed, row.batch_size, device_memory(), held=fixed
        )
    config, method = case(row, row.batch_size).configuration("runs/none")
    model = building.build(config, method)
    model.optimizer.build(model.trainable_variables)  # slots count, too
    step = handwritten_step(model, config, method, row.stage)
    [clips] = noise(model, row.batch_size, 1)
    found["clips_theirs"] = estimate(
        step.peak_bytes(clips),
        state_bytes(model),
        row.batch_size,
        device_memory(),
        held=state_bytes(model),
    )
    ratio = (
        found["clips_remat"] and found["clips_remat"] / found["clips_theirs"]
    )
    return {"batch_size": row.batch_size, **found, "ratio": ratio}


def measure_loop(row: Row) -> dict:
    """Clips per second of V-JEPA, over those of the published loop."""
    found = measure(loop_case(row))
    return {
        **found,
        "batch_size": row.batch_size,
        "ratio": found["clips_per_second"] / PUBLISHED_CLIPS,
    }


KINDS = {
    "step": measure_step,
    "memory": measure_memory,
    "remat": measure_remat,
    "loop": measure_loop,
}


def loop_case(row: Row) -> Case:
    """The published loop: its teacher computes all blocks in every step."""
    size = () if row.is_tiny else ("--size=256",)
    flags = ("--objective=vjepa", "--schedule=never", *size)
    return case(row, row.batch_size, *flags)


def case(row: Row, batch_size: int, *flags) -> Case:
    """The case of `step_pair.py` of a row."""
    return Case(
        row.preset,
        row.stage,
        batch_size,
        mixed_precision=row.mixed_precision,
        # On a CPU compilation would take most of the time of a rehearsal.
        compiled=row.backend == "torch" and not row.is_tiny,
        alone=row.kind == "loop",
        steps=4,
        rounds=3,
        turn=2,
        peak_tflops=peak_tflops(),
        flags=flags,
    )


def probe(row: Row, *flags) -> tuple[int | None, int]:
    """Bytes of a step of ours with the first batch, and of its state."""
    config, method = case(row, row.batch_size, *flags).configuration(
        "runs/none"
    )
    model = building.build(config, method)
    FreezeScheduler(method.schedule, model).freeze(row.stage)
    backends.renew_step(model, [])  # forgets the peak of a model before
    [clips] = noise(model, row.batch_size, 1)
    for _ in range(2):  # the first one makes the slots
        model.train_on_batch(clips)
    found = backends.measure_step(model).peak_bytes, state_bytes(model)
    del model
    gc.collect()
    return found


def state_bytes(model) -> int:
    """Bytes of weights, gradients and slots."""
    return variable_bytes(
        [
            *model.variables,
            *model.trainable_variables,
            *model.optimizer.variables,
        ]
    )


def device_memory() -> int:
    """Bytes of the memory of the GPU."""
    framework = importlib.import_module(keras.backend.backend())
    if keras.backend.backend() == "jax":
        stats = framework.devices()[0].memory_stats() or {}
        return stats.get("bytes_limit", CPU_MEMORY)
    if not framework.cuda.is_available():
        return CPU_MEMORY
    return framework.cuda.get_device_properties(0).total_memory


def peak_tflops() -> float | None:
    """What the maker of the device says it can do."""
    device = backends.devices()[0]
    known = [one for one in ACCELERATORS.values() if one.name in device]
    return known[0].flops / 1e12 if known else None


if __name__ == "__main__":
    main(sys.argv)
