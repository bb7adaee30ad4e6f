"""What Python does in a step of PyTorch: operations and calls, by their origin.

    KERAS_BACKEND=torch python benchmarks/python_calls.py
    KERAS_BACKEND=torch python benchmarks/python_calls.py --objective=vjepa

An eager step of a small network takes as long as Python takes for it. Nothing
is timed, so that a busy machine counts the same: operations of PyTorch, views
included, operations of Keras, and all calls of functions, those of C included.
The step is one between two lines of the log. For `--objective=mae` it counts
the step written by hand too, which draws the same masks. The last line is JSON.
"""

import collections
import json
import sys

import keras
import torch
from absl import flags
from job_parts import building, handwritten_step, long_run, noise
from torch.utils._python_dispatch import TorchDispatchMode

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "preset", "video_vit_nano", "Size of the encoder.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "objective",
    "mae",
    ["mae", "vjepa", "lejepa"],
    "What is learned.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "mixed_precision",
    "none",
    ["none", "bfloat16"],
    "Precision of the network.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "batch_size", 1, "Clips in a batch.", lower_bound=1, flag_values=FLAGS
)

# By a function that runs, the innermost first.
ORIGINS = {
    "_draw_whole_masks": "masks",
    "_scored": "masks",
    "draw": "masks",
    "backward": "backward pass",
    "step_logs": "norm of the gradients",
    "apply": "optimizer",
    "after_update": "teacher and counters",
    "track": "mean loss",
    "update_state": "mean loss",
    "compute_metrics": "mean loss",
    "call": "forward pass",
}


def main(argv):
    """Counts a step, and prints one JSON object."""
    FLAGS(argv)
    config, method = long_run(
        FLAGS.preset,
        f"--objective={FLAGS.objective}",
        f"--mixed_precision={FLAGS.mixed_precision}",
        "--jit_compile=false",
    )
    model = building.build(config, method)
    model.measures_health = False
    [clips] = noise(model, FLAGS.batch_size, 1)
    tensor = keras.ops.convert_to_tensor(clips)
    model.make_train_function()
    found = count(lambda: model.train_step((tensor,)))
    show("ours", found)
    result = {
        "name": "python_calls",
        "preset": FLAGS.preset,
        "objective": FLAGS.objective,
        "mixed_precision": FLAGS.mixed_precision,
        "batch_size": FLAGS.batch_size,
        "ours": found,
    }
    if FLAGS.objective == "mae":
        step = handwritten_step(model, config, method, 0)
        result["by_hand"] = count(lambda: step(tensor))
        show("by hand", result["by_hand"])
        result["ratio"] = sum(found["calls"].values()) / sum(
            result["by_hand"]["calls"].values()
        )
    print(json.dumps(result))


def count(step) -> dict:
    """Counts of the third call: the first two build and fill caches.

    Args:
        step: function without arguments.

    Returns:
        dict from `"operations"`, `"keras"` and `"calls"` to counts by origin.
    """
    step(), step()
    with Operations() as operations:
        step()
    calls = Calls()
    sys.setprofile(calls)
    step()
    sys.setprofile(None)
    return {
        "operations": dict(operations.counts),
        "keras": dict(calls.of_keras),
        "calls": dict(calls.counts),
    }


class Operations(TorchDispatchMode):
    """Counts operations of PyTorch."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[origin(sys._getframe(1))] += 1
        return function(*args, **(kwargs or {}))


class Calls:
    """Counts calls of functions, and those of Keras's operations."""

    def __init__(self):
        self.counts = collections.Counter()
        self.of_keras = collections.Counter()

    def __call__(self, frame, event, argument):
        if event not in ("call", "c_call"):
            return
        where = origin(frame)
        self.counts[where] += 1
        inside = is_operation(frame) and not is_operation(frame.f_back)
        if event == "call" and inside:
            self.of_keras[where] += 1


def is_operation(frame) -> bool:
    """Whether this is code of `keras.ops`."""
    return frame is not None and "keras/src/ops/" in frame.f_code.co_filename


def origin(frame) -> str:
    """The part of the step that a frame belongs to."""
    while frame is not None:
        name = frame.f_code.co_name
        if name in ORIGINS:
            return ORIGINS[name]
        frame = frame.f_back
    return "rest of the step"


def show(title, found):
    """Prints the counts as a table."""
    kinds = list(found)
    print(f"{title:24}" + "".join(f"{kind:>12}" for kind in kinds))
    rows = sorted({where for kind in kinds for where in found[kind]})
    for where in rows:
        numbers = (found[kind].get(where, 0) for kind in kinds)
        print(f"  {where:22}" + "".join(f"{n:12}" for n in numbers))
    numbers = (sum(found[kind].values()) for kind in kinds)
    print(f"  {'all':22}" + "".join(f"{n:12}" for n in numbers), flush=True)


if __name__ == "__main__":
    if keras.backend.backend() != "torch":
        sys.exit("It counts steps of PyTorch. Set KERAS_BACKEND=torch.")
    torch.set_num_threads(1)
    main(sys.argv)
