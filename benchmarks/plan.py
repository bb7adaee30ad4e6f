"""The paper's G and e on many devices: memory, collectives and time of a step.

    python benchmarks/plan.py --preset=video_vit_enormous --devices=256
    python benchmarks/plan.py --preset=video_vit_gigantic --devices=8 \\
        --batch_size=64 --accumulation=32

Compiles the steps of `recipes/paper/mae_e_layerlock.py` or
`mae_g_layerlock.py` with JAX, as `layerlock pretrain --plan` does, for devices
that do not exist: nothing is allocated and nothing is run. Blocks are
recomputed (`--remat`). Compiling takes minutes of CPU time. --tables adds rows
for docs/guides/planning.md to the files of a folder. The last line is JSON;
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
flags.DEFINE_string(
    "tables",
    None,
    "Folder of memory.md and time.md, to which rows are added.",
    flag_values=FLAGS,
)


def main(argv):
    """Plans one model on one number of devices."""
    FLAGS(argv)
    config = configuration()
    counted = costs.count(config, methods.build(config))
    planned = planning.plan(config, counted)
    print(costs.heading(config, counted))
    print("\n".join(plan_text.lines(config, planned)))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    facts = {
        "name": "plan",
        "ratio": planned.state_ratio,
        "low": planned.state_ratio,
        "high": planned.state_ratio,
        "preset": FLAGS.preset,
        "batch_size": FLAGS.batch_size,
        "accumulation": FLAGS.accumulation,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        **plan_text.as_json(planned),
    }
    if FLAGS.tables:
        folder = pathlib.Path(FLAGS.tables)
        for name, make_row in (("memory", memory_row), ("time", time_row)):
            with open(folder / f"{name}.md", "a") as file:
                file.write(f"{make_row(facts)}\n")
    print(json.dumps(facts))


def configuration():
    """The paper's run on the devices of the flags."""
    recipe = runpy.run_path(str(RECIPES / FILES[FLAGS.preset]))["CONFIG"]
    return recipe.but(
        data="scenes",  # whose clips have the shape of the paper's
        remat="blocks",
        batch_size=FLAGS.batch_size,
        accumulation=FLAGS.accumulation,
        plan=True,
        devices=FLAGS.devices,
        distribution=FLAGS.distribution,
        mesh=FLAGS.mesh and tuple(map(int, FLAGS.mesh)),
    ).resolve()


def memory_row(facts) -> str:
    """A row: what a device holds and sends in the first and the last stage."""
    ends = facts["stages"][0], facts["stages"][-1]
    cells = [*_names(facts), wording.memory(ends[0]["weight_bytes"])]
    for kind in ("slot_bytes", "scratch_bytes"):
        cells.append(" / ".join(wording.memory(one[kind]) for one in ends))
    for kinds in (("all-gather",), ("reduce-scatter", "all-reduce")):
        sent = [
            sum(one["bytes_sent"].get(kind, 0) for kind in kinds)
            for one in ends
        ]
        cells.append(" / ".join(wording.scaled(size, "B") for size in sent))
    return f"| {' | '.join(cells)} |"


def time_row(facts) -> str:
    """A row: device-days of the run, and without a freeze."""
    cells = _names(facts)
    for name in ("H100", "TPU v4", "TPU v5p"):
        days = facts["device_days"][name]
        for key in ("run", "unfrozen"):
            cells.append(" to ".join(f"{value:,.0f}" for value in days[key]))
    return f"| {' | '.join(cells)} |"


def _names(facts):
    return [
        facts["preset"].removeprefix("video_vit_"),
        str(facts["devices"]),
        f"{facts['batch_size']} x {facts['accumulation']}",
    ]


if __name__ == "__main__":
    main(sys.argv)
