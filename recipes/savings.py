"""What freezing saves: FLOPs, memory and time against a run without it.

    KERAS_BACKEND=jax python recipes/savings.py --run_dir=runs/savings
    KERAS_BACKEND=jax python recipes/savings.py --plan --target=pixels \\
        --preset=video_vit_gigantic --start_step=160000 --interval=10000 \\
        --max_frozen_layers=32 --steps=480000

Trains twice with `recipes/pretrain.py`, whose flags it takes: once with layers
that freeze, predicting pixels unless --target says otherwise, and once
without. `savings.png` and `savings.json` go to --run_dir. What is complete
there is not repeated, and what was cut off goes on; runs of other flags, or of
another backend, are refused.

--plan trains nothing: it counts what the job of the flags would cost, of any
size, with latent targets unless --target says otherwise. Its clips are those
that the preset is made for, unless --data, --frames or --size say otherwise.

LayerLock (arXiv 2509.10156), section 4.1 and Figure 3.
"""

import json
import pathlib
import sys

from common import (
    comparison,
    methods,
    options,
    plan,
    pretraining_options,
    settings,
    training,
)

from absl import flags

from layerlock.models import presets
from layerlock.runs import writing

FLAGS = flags.FlagValues()
pretraining_options.define(FLAGS)
flags.DEFINE_bool(
    "plan", False, "Count costs instead of training.", flag_values=FLAGS
)
OWN = ("plan", "run_dir")
# What says when layers freeze, and how.
FREEZING = (
    "schedule",
    "start_step",
    "interval",
    "layers_per_event",
    "max_frozen_layers",
    "schedule_args",
    "head_reset",
    "mini_warmup_steps",
    # A run that never freezes predicts pixels, whatever targets would see.
    "target_context",
)


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        if FLAGS.plan:
            print_plan()
            return
        run_dir = check()
    except (ValueError, TypeError, OSError, ImportError) as error:
        sys.exit(f"savings: {error}")
    try:
        given = both()
        never = training.train(given["never"], run_dir / "never")
        freezing = training.train(given["freezing"], run_dir / "freezing")
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"savings: {error}")
    found = comparison.compare(freezing, never)
    writing.write_json(run_dir / "savings.json", found)
    comparison.draw(freezing, never, run_dir / "savings.png")
    print(comparison.table(found))
    print(f"Picture: {run_dir / 'savings.png'}")
    print(json.dumps(found))


def both() -> dict[str, list[str]]:
    """The flags of the two runs, by the names of their folders."""
    return {
        "never": unfrozen(),
        "freezing": training.given(FLAGS, without=OWN),
    }


def unfrozen() -> list[str]:
    """The flags of the run without a freeze."""
    left_out = set(FREEZING)
    if FLAGS.objective != "mae":  # its targets are layers all the same
        left_out.discard("target_context")
    plain = training.given(FLAGS, without=(*OWN, *left_out))
    return [*plain, "--schedule=never"]


def print_plan():
    """Shows what the flags would cost."""
    if not FLAGS.init_from and not FLAGS["data"].present:
        frames, size, _ = presets.PRESETS[FLAGS.preset]["clip_shape"]
        FLAGS.set_default("frames", frames)
        FLAGS.set_default("size", size)
    chosen = settings.resolve(FLAGS)
    found = plan.plan(chosen, methods.build(chosen))
    print(plan.heading(chosen, found))
    print(plan.table(found))
    if not sys.stdout.isatty():  # for programs, not for people
        print(json.dumps(plan.as_json(found)))


def check() -> pathlib.Path:
    """Refuses what could not be compared; returns the run directory."""
    training.check_flags(FLAGS)
    if FLAGS.schedule == "never":
        raise options.UsageError(
            "--schedule=never is what the run is compared with. Pass another "
            "schedule, or none."
        )
    if FLAGS.objective == "mae" and not FLAGS["target"].present:
        FLAGS.target = "pixels"
    methods.build(settings.resolve(FLAGS))
    settings.read(unfrozen())
    comparison.require_matplotlib()
    run_dir = pathlib.Path(FLAGS.run_dir)
    for name, arguments in both().items():
        training.check(arguments, run_dir / name)
    return run_dir


if __name__ == "__main__":
    main(sys.argv)
