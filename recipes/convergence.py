"""In which order do layers converge? When may which of them be frozen?

    KERAS_BACKEND=jax python recipes/convergence.py --run_dir=runs/convergence
    KERAS_BACKEND=jax python recipes/convergence.py --quick

Trains a masked auto-encoder once without a freeze, and from its checkpoints
once more for every pair of --layers and --freeze_at: layers up to L are frozen
at step T, and the run goes on to its end, predicting pixels. Draws the final
loss over T, a line for every L, and prints the schedule that it supports: for
every L the first T from which on freezing costs no more than --tolerance.

Takes the flags of `pretrain.py`. `convergence.png` and `convergence.json` go to
--run_dir. What is complete there is not repeated, and what was cut off goes on;
runs of other flags, or of another backend, are refused.

LayerLock (arXiv 2509.10156), section 3.1 and Figure 1.
"""

import json
import pathlib
import sys

from common import (
    branching,
    comparison,
    convergence,
    network,
    options,
    pretraining_options,
    settings,
    training,
)

from absl import flags

from layerlock.runs import writing

FLAGS = flags.FlagValues()
pretraining_options.define(FLAGS, freezing=False)
flags.DEFINE_list(
    "layers",
    None,
    "Numbers of layers that are frozen together. Default: up to four, spread "
    "over all that may freeze.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "freeze_at",
    None,
    "Steps at which they are. Default: 10, 20, 40, 60 and 80 % of --steps.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "tolerance",
    0.01,
    "Share by which the final loss may rise.",
    flag_values=FLAGS,
    lower_bound=0.0,
)
flags.DEFINE_bool(
    "quick",
    False,
    "60 steps and 2 x 2 pairs: shows that it works, and nothing of layers.",
    flag_values=FLAGS,
)
OWN = ("layers", "freeze_at", "tolerance", "quick", "run_dir")
SHARES = (10, 20, 40, 60, 80)  # percent
# Of a trunk that is complete: whether it has the checkpoints is asked anyway.
TRUNK_FREE = ("checkpoint_every",)


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        pairs = check()
    except (ValueError, TypeError, OSError, ImportError) as error:
        sys.exit(f"convergence: {error}")
    run_dir = pathlib.Path(FLAGS.run_dir)
    try:
        base = comparison.final_loss(train_trunk(run_dir, pairs))
        losses = {}
        for number, (layer, step) in enumerate(pairs, start=1):
            print(f"Pair {number} of {len(pairs)}")
            lines = train_branch(run_dir, layer, step)
            losses[layer, step] = comparison.final_loss(lines)
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"convergence: {error}")
    found = convergence.summarise(losses, base, FLAGS.tolerance)
    writing.write_json(run_dir / "convergence.json", found)
    convergence.draw(found, run_dir / "convergence.png")
    print(convergence.table(found))
    print(f"Picture: {run_dir / 'convergence.png'}")
    print(json.dumps(found))


def check() -> list:
    """Refuses what makes no sense; returns the pairs of layer and step."""
    if FLAGS.quick:
        FLAGS.set_default("run_dir", "runs/convergence-quick")
        for name, value in (("steps", 60), ("batch_size", 8)):
            if not FLAGS[name].present:
                setattr(FLAGS, name, value)
    training.check_flags(FLAGS)
    if FLAGS.objective != "mae":
        raise options.UsageError(
            "Runs are compared by their loss on pixels, which is that of "
            f"--objective=mae. Received: --objective={FLAGS.objective}."
        )
    FLAGS.target = "pixels"
    chosen, _ = settings.read(
        ["--schedule=never", *given(without=("mini_warmup_steps",))]
    )
    comparison.require_matplotlib()
    pairs = choose_pairs(network.num_freezable(chosen), FLAGS.steps)
    check_runs(pathlib.Path(FLAGS.run_dir), pairs)
    return pairs


def choose_pairs(most: int, steps: int) -> list:
    """The pairs of layer and step that the flags ask for.

    Args:
        most: how many layers may freeze.
        steps: of a run.
    """
    shares = SHARES[1::2] if FLAGS.quick else SHARES
    layers = _numbers("layers") or convergence.spread(
        most, 2 if FLAGS.quick else 4
    )
    freeze_at = _numbers("freeze_at") or [steps * s // 100 for s in shares]
    if not all(0 < layer <= most for layer in layers):
        raise options.UsageError(
            f"--layers are from 1 to {most}, those that do not decode. "
            f"Received: {layers}."
        )
    if not all(0 < step < steps for step in freeze_at):
        raise options.UsageError(
            f"--freeze_at are steps after 0 and before --steps={steps}. "
            f"Received: {freeze_at}."
        )
    every = branching.common_divisor(freeze_at)
    if not FLAGS["log_every"].present:
        FLAGS.log_every = branching.log_every(every)
    if every % FLAGS.log_every:
        raise options.UsageError(
            "--freeze_at are multiples of --log_every, at which checkpoints "
            f"can be written. Received: {freeze_at} and {FLAGS.log_every}."
        )
    return [(layer, step) for layer in layers for step in freeze_at]


def given(without=()) -> list[str]:
    """The flags for `pretrain.py`."""
    return training.given(FLAGS, without=(*OWN, *without))


def check_runs(run_dir, pairs):
    """Refuses what is in the folder, unless it is what would be trained."""
    training.check(for_trunk(pairs), run_dir / "trunk", TRUNK_FREE)
    is_trained = training.is_complete(run_dir / "trunk")
    for layer, step in pairs:
        path = branch_path(run_dir, layer, step)
        training.check(for_branch(layer, step), path)
        if is_trained and not path.exists():
            branching.find_checkpoint(run_dir / "trunk", step)


def train_trunk(run_dir, pairs) -> list[dict]:
    """Trains without a freeze; checkpoints at every step of a pair."""
    return training.train(for_trunk(pairs), run_dir / "trunk", TRUNK_FREE)


def for_trunk(pairs) -> list[str]:
    """The flags of the run without a freeze."""
    without = ("mini_warmup_steps", "checkpoint_every", "keep_checkpoints")
    every = branching.common_divisor(step for _, step in pairs)
    return [
        *given(without),
        "--schedule=never",
        f"--checkpoint_every={every}",
        f"--keep_checkpoints={FLAGS.steps}",
    ]


def train_branch(run_dir, layer, step) -> list[dict]:
    """Trains a pair to its end, from the trunk's checkpoint."""
    path = branch_path(run_dir, layer, step)
    if not path.exists():
        branching.branch(run_dir / "trunk", step, path, for_branch(layer, step))
    return training.train(for_branch(layer, step), path)


def for_branch(layer, step) -> list[str]:
    """The flags of a pair."""
    return [
        *given(),
        "--schedule=piecewise",
        f"--schedule_args=events=[({step},{layer})]",
    ]


def branch_path(run_dir, layer, step) -> pathlib.Path:
    """The run directory of a pair."""
    return run_dir / f"layers_{layer}_at_{step}"


def _numbers(name):
    try:
        return sorted({int(text) for text in FLAGS[name].value or ()})
    except ValueError:
        raise options.UsageError(
            f"--{name} are whole numbers. Received: {FLAGS[name].value}."
        ) from None


if __name__ == "__main__":
    main(sys.argv)
