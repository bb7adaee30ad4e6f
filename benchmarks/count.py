"""FLOPs of a step counted from sizes, beside the compiler's count.

    KERAS_BACKEND=jax python benchmarks/count.py
    KERAS_BACKEND=jax python benchmarks/count.py --presets=video_vit_base

Compiles steps of shapes without values, for the clips that a preset is made
for; nothing is trained, and JAX alone can do so. Matrix products are what logs,
reports and `savings.py --plan` count; the compiler counts elementwise work too.
The last line is JSON; `ratio` is the count with elementwise work over the
compiler's, where the two are furthest apart.
"""

import dataclasses
import json
import sys
import tempfile

import elementwise
import jax
from absl import flags
from job_parts import building, long_run

from layerlock.backends.jax.programs import compile_from_shapes
from layerlock.core.costs.flops import StepSizes

FLAGS = flags.FlagValues()
flags.DEFINE_list(
    "presets",
    ["video_vit_tiny", "video_vit_small", "video_vit_base"],
    "Sizes of the encoder.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("batch_size", 2, "Clips in a batch.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Case:
    """A way to train.

    Args:
        name: str.
        flags: tuple of str, of `recipes/pretrain.py`.
        frozen: float, share of the layers that may freeze.
    """

    name: str
    flags: tuple
    frozen: float


HALF = ("--mask_ratio=0.5", "--target_fraction=0.1", "--target=pixels")
QUARTER = ("--mask_ratio=0.75", "--target_fraction=0.25")
CASES = (
    Case("MAE, nothing frozen", ("--mask_ratio=0.95",), 0),
    Case("LayerLock", ("--mask_ratio=0.95",), 1 / 2),
    Case("pixels, 50 % hidden, a tenth scored", HALF, 1 / 3),
    Case("the same, `rotary_qk`", (*HALF, "--positions=rotary_qk"), 2 / 3),
    Case("75 % hidden, a quarter scored", QUARTER, 1 / 3),
    Case(
        "the same, `--target_context=scored`, learned positions",
        (*QUARTER, "--target_context=scored", "--positions=learned"),
        1 / 3,
    ),
    Case("V-JEPA, nothing frozen", ("--objective=vjepa",), 0),
    Case("V-JEPA", ("--objective=vjepa",), 1 / 2),
    Case("LeJEPA", ("--objective=lejepa",), 1 / 2),
)


def main(argv):
    """Counts every case, and prints one JSON object."""
    FLAGS(argv)
    found = []
    for preset in FLAGS.presets:
        for case in CASES:
            found.append({"preset": preset, "case": case.name})
            found[-1] |= count(preset, case)
            print(json.dumps(found[-1]), flush=True)
    ratios = [case["ratio"] for case in found]
    print(
        json.dumps(
            {
                "name": "count",
                "ratio": max(ratios, key=lambda ratio: abs(ratio - 1)),
                "low": min(ratios),
                "high": max(ratios),
                "batch_size": FLAGS.batch_size,
                "cases": found,
            }
        )
    )


def count(preset: str, case: Case) -> dict:
    """Both counts of one case."""
    with tempfile.TemporaryDirectory() as folder:
        config, method = long_run(
            preset, *case.flags, f"--run_dir={folder}/run"
        )
    found = []

    def make_model():
        model = building.build(config, method)
        frozen = round(case.frozen * len(model.freezable_layers))
        twin = type(model).from_config(model.config_at(frozen))
        twin.compile(model.optimizer)
        twin.optimizer.build(twin.trainable_variables)
        found.append((twin, frozen))
        return twin

    frames, size = config.data.frames, config.data.size
    shape = (FLAGS.batch_size, frames, size, size, 3)
    program, _ = compile_from_shapes(
        make_model, (jax.ShapeDtypeStruct(shape, "uint8"),)
    )
    [(model, frozen)] = found
    sizes = StepSizes.of(model, model.encoder.clip_shape, FLAGS.batch_size)
    products = sizes.step_flops(frozen, model.target_layers)
    other = elementwise.step_flops(sizes, frozen, model.target_layers)
    return {
        "frozen_layers": frozen,
        "compiled_gflops": program.cost.flops / 1e9,
        "products_ratio": products / program.cost.flops,
        "ratio": (products + other) / program.cost.flops,
    }


if __name__ == "__main__":
    main(sys.argv)
