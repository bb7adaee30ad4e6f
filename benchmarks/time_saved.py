"""How much of the FLOPs that freezing saves is saved on the clock?

    KERAS_BACKEND=jax python benchmarks/time_saved.py
    KERAS_BACKEND=torch python benchmarks/time_saved.py

Trains the same model twice by turns, with every callback of
`recipes/pretrain.py`: with nothing frozen, and with a third or two thirds of
the layers that may freeze. Pixels are the target, half of the patches are
hidden and a tenth of those is scored, so that there is something to be saved.
The last line is JSON; `ratio` is the share of the time that is saved over the
share of the FLOPs, counted from sizes, at the stage where it is smallest.
"""

import json
import sys

import keras
from absl import flags
from job_parts import long_run
from side_by_side import median_of, ratio, times_of_fits
from stage_job import opened

from layerlock import backends
from layerlock.core.costs import flops
from layerlock.models import presets

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_tiny", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_integer("batch_size", 4, "Clips in a batch.", flag_values=FLAGS)
flags.DEFINE_float(
    "mask_ratio", 0.5, "Share of hidden patches.", flag_values=FLAGS
)
flags.DEFINE_float(
    "target_fraction", 0.1, "Share of them that is scored.", flag_values=FLAGS
)
flags.DEFINE_integer("rounds", 9, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of a round.", flag_values=FLAGS)


def main(argv):
    """Measures both stages, and prints one JSON object."""
    FLAGS(argv)
    arguments = presets.PRESETS[FLAGS.preset]
    most = arguments["num_layers"] - arguments["num_decoder_layers"]
    found = []
    for stage in (round(most / 3), round(2 * most / 3)):
        found.append({"frozen_layers": stage, **measure(stage)})
        print(json.dumps(found[-1]), flush=True)
    worst = min(found, key=lambda stage: stage["ratio"])
    print(
        json.dumps(
            {
                "name": "time_saved",
                "ratio": worst["ratio"],
                "low": worst["low"],
                "high": worst["high"],
                "preset": FLAGS.preset,
                "backend": keras.backend.backend(),
                "devices": backends.devices(),
                "batch_size": FLAGS.batch_size,
                "mask_ratio": FLAGS.mask_ratio,
                "target_fraction": FLAGS.target_fraction,
                "stages": found,
            }
        )
    )


def measure(stage: int) -> dict:
    """Time saved over FLOPs saved at a stage."""
    with opened(configured, 0) as whole, opened(configured, stage) as frozen:
        times = times_of_fits(
            frozen.train, whole.train, FLAGS.steps, FLAGS.rounds
        )
        flops_saved = 1 - (
            counted_flops(frozen.model, stage) / counted_flops(whole.model, 0)
        )
        compiled = [
            backends.measure_step(job.model).flops for job in (frozen, whole)
        ]
    shares = ratio(times)
    saved = {
        "ratio": (1 - shares["ratio"]) / flops_saved,
        "low": (1 - shares["high"]) / flops_saved,
        "high": (1 - shares["low"]) / flops_saved,
        "time_saved": 1 - shares["ratio"],
        "flops_saved": flops_saved,
        "step_seconds": median_of(times, 0) / FLAGS.steps,
        "step_seconds_unfrozen": median_of(times, 1) / FLAGS.steps,
    }
    if all(compiled):
        saved["compiled_flops_saved"] = 1 - compiled[0] / compiled[1]
    return saved


def configured(run_dir: str):
    """The resolved configuration of the run, and its method."""
    return long_run(
        FLAGS.preset,
        f"--batch_size={FLAGS.batch_size}",
        f"--mask_ratio={FLAGS.mask_ratio}",
        f"--target_fraction={FLAGS.target_fraction}",
        "--target=pixels",
        f"--log_every={FLAGS.steps}",
        f"--run_dir={run_dir}",
    )


def counted_flops(model, stage: int) -> float:
    """FLOPs of a step at a stage, from sizes alone."""
    sizes = flops.StepSizes.of(
        model, model.encoder.clip_shape, FLAGS.batch_size
    )
    return sizes.step_flops(frozen_layers=stage)


if __name__ == "__main__":
    main(sys.argv)
