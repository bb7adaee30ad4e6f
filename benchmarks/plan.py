"""The paper's G and e on many devices: memory, collectives and time of a step.

    python benchmarks/plan.py --preset=video_vit_enormous --devices=256
    python benchmarks/plan.py --preset=video_vit_gigantic --devices=8 \\
        --batch_size=64 --accumulation=32

Compiles the steps of `recipes/paper/mae_e_layerlock.py` or
`mae_g_layerlock.py` with JAX, as `layerlock pretrain --plan` does, for devices
that do not exist: nothing is allocated and nothing is run. Blocks are
recomputed (`--remat`). Compiling takes minutes of CPU time. --markdown adds a
row for the table of docs/guides/planning.md to a file. The last line is JSON;
`ratio` is the state of a device over its share of the state of all.
"""

import json
import os
import pathlib
import resource
import runpy
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

from absl import flags  # noqa: E402

from layerlock.core.costs import accelerators, memory  # noqa: E402
from layerlock.jobs.pretraining import (  # noqa: E402
    costs,
    method as methods,
    plan_text,
    planning,
)
from layerlock.runs import wording  # noqa: E402

RECIPES = pathlib.Path(__file__).parents[1] / "recipes" / "paper"
FILES = {
    "video_vit_gigantic": "mae_g_layerlock.py",
    "video_vit_enormous": "mae_e_layerlock.py",
}
FLAGS = flags.FlagValues()
flags.DEFINE_enum(
    "preset", "video_vit_enormous", list(FILES), "Model.", flag_values=FLAGS
)
flags.DEFINE_integer("devices", 256, "Devices.", flag_values=FLAGS)
flags.DEFINE_enum(
    "distribution",
    "fsdp",
    ["data", "fsdp", "model"],
    "Distribution.",
    flag_values=FLAGS,
)
flags.DEFINE_list("mesh", None, "Mesh, such as 128,2.", flag_values=FLAGS)
flags.DEFINE_integer(
    "batch_size", 1024, "Clips of a batch, all devices.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "accumulation", 2, "Batches of an optimizer step.", flag_values=FLAGS
)
flags.DEFINE_string("markdown", None, "File to add to.", flag_values=FLAGS)


def main(argv):
    """Plans one model on one number of devices."""
    FLAGS(argv)
    config = configuration()
    counted = costs.count(config, methods.build(config))
    planned = planning.plan(config, counted)
    print(costs.heading(config, counted))
    print("\n".join(plan_text.lines(config, planned)))
    if FLAGS.markdown:
        with open(FLAGS.markdown, "a") as file:
            file.write(f"{row(config, planned)}\n")
    first = planned.stages[0]
    held = first.weight_bytes + first.slot_bytes
    whole = 4 * (
        memory.num_weights(counted.sizes)
        + 2 * memory.num_trained(counted.sizes)
    )
    ratio = held * FLAGS.devices / whole
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "name": "plan",
                "ratio": ratio,
                "low": ratio,
                "high": ratio,
                "preset": FLAGS.preset,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                **plan_text.as_json(planned),
            }
        )
    )


def configuration():
    """The paper's run on the devices of the flags."""
    recipe = runpy.run_path(str(RECIPES / FILES[FLAGS.preset]))["CONFIG"]
    return recipe.but(
        data="scenes",  # whose clips have the shape of the paper's
        remat=True,
        batch_size=FLAGS.batch_size,
        accumulation=FLAGS.accumulation,
        plan=True,
        devices=FLAGS.devices,
        distribution=FLAGS.distribution,
        mesh=FLAGS.mesh and tuple(map(int, FLAGS.mesh)),
    ).resolve()


def row(config, planned) -> str:
    """A row of markdown: the first and the last stage."""
    first, last = planned.stages[0], planned.stages[-1]
    cells = [
        FLAGS.preset.removeprefix("video_vit_"),
        str(FLAGS.devices),
        f"{config.training.batch_size} x {config.training.accumulation}",
        wording.memory(first.weight_bytes),
    ]
    for value in (
        lambda one: wording.memory(one.slot_bytes),
        lambda one: wording.memory(one.scratch_bytes),
        lambda one: wording.scaled(one.flops, "FLOPs"),
        lambda one: wording.scaled(one.bytes_sent["all-gather"], "B"),
        lambda one: wording.scaled(
            one.bytes_sent["reduce-scatter"]
            + one.bytes_sent.get("all-reduce", 0),
            "B",
        ),
    ):
        cells.append(f"{value(first)} / {value(last)}")
    for name in ("H100", "TPU v5p"):
        accelerator = accelerators.ACCELERATORS[name]
        for unfrozen in (False, True):
            low, high = planned.device_days(accelerator, unfrozen)
            cells.append(f"{low:,.0f} to {high:,.0f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv)
