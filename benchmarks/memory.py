"""The largest batch at a fixed memory, beside a step written by hand.

    KERAS_BACKEND=jax python benchmarks/memory.py --preset=video_vit_tiny
    KERAS_BACKEND=torch python benchmarks/memory.py --preset=video_vit_tiny

Runs the step once for each of two batch sizes at every stage, with every policy
of --remat, and asks for its peak memory: the compiler on JAX; on
PyTorch what autograd keeps beside weights, gradients and optimizer. What a
clip takes follows, and with it how many fit. Nothing is timed. Needs optax on
JAX. The last line is JSON; `ratio` is our largest batch over the other step's,
where that is smallest.
"""

import json
import sys

import keras
import numpy as np
from absl import flags
from job_parts import building, handwritten_step, long_run

from layerlock import backends
from layerlock.core.freezing.scheduler import FreezeScheduler

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_tiny", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_list(
    "stages",
    None,
    "Numbers of frozen layers. Default: none, and 70 % of those that may "
    "freeze.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "gigabytes", 16.0, "Memory that there is.", flag_values=FLAGS
)
flags.DEFINE_list("batches", ["2", "4"], "Two sizes.", flag_values=FLAGS)
flags.DEFINE_enum(
    "target", "pixels", ["pixels", "latents"], "Target.", flag_values=FLAGS
)


def main(argv):
    """Measures every stage, and prints one JSON object."""
    FLAGS(argv)
    found = []
    for remat in ("none", "attention", "every_2", "blocks"):
        config, method = long_run(
            FLAGS.preset,
            f"--target={FLAGS.target}",
            f"--remat={remat}",
        )
        model = building.build(config, method)
        scheduler = FreezeScheduler(method.schedule, model)
        most = len(model.freezable_layers)
        for stage in map(int, FLAGS.stages or [0, round(0.7 * most)]):
            scheduler.freeze(stage)
            measured = {"frozen_layers": stage, "remat": remat}
            measured |= largest(lambda clips, m=model: ours(m, clips), model)
            if remat == "none":
                step = handwritten_step(model, config, method, stage)
                other = largest(step.peak_bytes, model)
                measured |= {f"{k}_theirs": v for k, v in other.items()}
            found.append(measured)
            print(json.dumps(measured), flush=True)
    ratios = [
        stage["largest_batch"] / stage["largest_batch_theirs"]
        for stage in found
        if stage["remat"] == "none"
    ]
    print(
        json.dumps(
            {
                "name": "memory",
                "ratio": min(ratios),
                "low": min(ratios),
                "high": max(ratios),
                "preset": FLAGS.preset,
                "gigabytes": FLAGS.gigabytes,
                "target": FLAGS.target,
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "stages": found,
            }
        )
    )


def largest(peak_bytes, model) -> dict:
    """How many clips fit, by the peaks of two batch sizes.

    Args:
        peak_bytes: function of a batch of clips.
        model: the `MaskedPretraining` that the clips are for.
    """
    sizes = [int(text) for text in FLAGS.batches]
    shape = (*model.encoder.clip_shape, 3)
    few, many = (
        peak_bytes(np.zeros((size, *shape), "uint8")) for size in sizes
    )
    per_clip = (many - few) / (sizes[1] - sizes[0])
    fixed = few - sizes[0] * per_clip
    return {
        "bytes_fixed": round(fixed),
        "bytes_per_clip": round(per_clip),
        "largest_batch": int((FLAGS.gigabytes * 1e9 - fixed) // per_clip),
    }


def ours(model, clips) -> int:
    """The peak of our step."""
    backends.renew_step(model, [])  # forgets the other batch size
    model.train_on_batch(clips)
    return backends.measure_step(model).peak_bytes


if __name__ == "__main__":
    main(sys.argv)
