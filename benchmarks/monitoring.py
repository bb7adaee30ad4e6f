"""What the monitors and a shared teacher cost and save, in a V-JEPA step.

    KERAS_BACKEND=jax python benchmarks/monitoring.py

Times training steps of the tiny preset with and without the measurements of
its health, alternating, and compares the memory of a step whose teacher shares
the frozen blocks with one whose teacher keeps its own. The last line is JSON.
"""

import json
import statistics
import sys
import time

import keras
import numpy as np
from absl import flags
from side_by_side import ratio

import layerlock
from layerlock import backends
from layerlock.core.pretraining import model as pretraining

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_tiny", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "objective", "vjepa", ["mae", "vjepa"], "Objective.", flag_values=FLAGS
)
flags.DEFINE_integer("batch_size", 4, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 3, "Steps of a round.", flag_values=FLAGS)


def main(argv):
    """Measures both, and prints one JSON object."""
    FLAGS(argv)
    watched, blind = build(), build()
    if not hasattr(blind, "_measure_health"):
        raise AttributeError("There is nothing left to switch off.")
    blind._measure_health = lambda *tensors: None
    clips = make_clips(watched.encoder)
    for model in (watched, blind):
        model.train_on_batch(clips)  # compiles
    times = []
    for number in range(FLAGS.rounds):
        # Who comes second may find a machine that the first has warmed.
        order = (watched, blind) if number % 2 else (blind, watched)
        taken = {id(model): seconds(model, clips) for model in order}
        times.append((taken[id(watched)], taken[id(blind)]))
    found = {
        "name": "monitoring",
        "preset": FLAGS.preset,
        "objective": FLAGS.objective,
        "backend": keras.backend.backend(),
        **ratio(times),
        "flops_ratio": flops_ratio(watched, blind),
        **log_step_seconds(watched, clips),
    }
    if FLAGS.objective == "vjepa":
        found["shared_teacher"] = shared_teacher(clips)
    print(json.dumps(found))


def build():
    """A compiled model, the same at every call."""
    keras.utils.set_random_seed(0)
    encoder = layerlock.VideoEncoder.from_preset(FLAGS.preset)
    mask = layerlock.RandomMask(0.75) if FLAGS.objective == "mae" else None
    model = layerlock.MaskedPretraining(encoder, FLAGS.objective, mask)
    model.compile(keras.optimizers.AdamW(1e-4))
    return model


def make_clips(encoder):
    """A batch of noise."""
    shape = (FLAGS.batch_size, *encoder.clip_shape, 3)
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def seconds(model, clips) -> float:
    """Time of some training steps."""
    started = time.perf_counter()
    for _ in range(FLAGS.steps):
        model.train_on_batch(clips)
    return time.perf_counter() - started


def flops_ratio(watched, blind):
    """FLOPs of the compiled steps, where the backend knows them."""
    costs = [backends.measure_step(model).flops for model in (watched, blind)]
    return costs[0] / costs[1] if all(costs) else None


def log_step_seconds(model, clips) -> dict:
    """What a log step takes: of training, and in a thread beside it."""
    monitors = layerlock.Monitors(every=1)
    monitors.set_model(model)
    monitors.on_train_begin()
    logs = model.train_on_batch(clips, return_dict=True)
    taken, beside = [], []
    for step in range(1, 8):
        started = time.perf_counter()
        monitors.on_step(step, logs)
        taken.append(time.perf_counter() - started)
        started = time.perf_counter()
        monitors.finish()
        beside.append(time.perf_counter() - started)
    return {
        "log_step_seconds": statistics.median(taken),
        "log_thread_seconds": statistics.median(beside),
    }


def shared_teacher(clips) -> dict:
    """Bytes of a step with half of the layers frozen, shared and not."""
    found = {}
    share = pretraining.teacher.share_layers
    for name, function in (
        ("shared", share),
        ("own", lambda teacher, encoder, num_layers: None),
    ):
        pretraining.teacher.share_layers = function
        model = build()
        model.train_on_batch(clips)
        half = model.encoder.num_layers // 2
        schedule = layerlock.PiecewiseFreezeSchedule([(1, half)])
        layerlock.FreezeScheduler(schedule, model).freeze(half)
        model.train_on_batch(clips)
        found[f"{name}_peak_bytes"] = backends.measure_step(model).peak_bytes
        found[f"{name}_weight_bytes"] = sum(
            int(np.prod(variable.shape)) * 4 for variable in model.variables
        )
    pretraining.teacher.share_layers = share
    return found


if __name__ == "__main__":
    main(sys.argv)
