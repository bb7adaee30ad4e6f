"""The functions of the contract about processes, where there is one only.

The defaults of every backend, which overrides those it does better.
"""

import contextlib

from layerlock.backends import launchers


def start_processes(coordinator=None, num_processes=None, process_id=None):
    if num_processes is not None and num_processes > 1:
        raise ValueError(
            "This backend runs in one process. Received: "
            f"num_processes={num_processes}. Leave `coordinator`, "
            "`num_processes` and `process_id` out, or set KERAS_BACKEND=jax."
        )
    launcher = launchers.find() if num_processes is None else None
    if launcher:
        raise ValueError(
            "This backend runs in one process. Received: "
            f"{launcher.num_processes} processes, started by {launcher.name}. "
            "Start one process, or set KERAS_BACKEND=torch."
        )


def process_index():
    return 0


def process_count():
    return 1


@contextlib.contextmanager
def distributed(kind, mesh=None, axes=None):
    if kind != "none":
        raise ValueError(
            f"This backend has no distribution. Received: {kind}. Use "
            "KERAS_BACKEND=jax."
        )
    yield


def planning_environment(num_devices):
    return None


def plan_steps(make_models, clips_shape):
    raise NotImplementedError("This backend compiles for real devices only.")


def is_sharded():
    return False


def local_rows(batch_size):
    return slice(0, batch_size)


def global_size(rows):
    return rows


def own_rows(x):
    return x


def all_rows(x):
    return x


def global_mean(x):
    return x


def place(model):
    pass


def whole(variable):
    return variable.value


def stored(variables, cut=()):
    return [variable.value for variable in variables]


def joins_frozen():
    return False


def sends_sums(distribution, dtype_policy):
    return False


def agree(flag):
    return bool(flag)


def broadcast(value):
    return value


def barrier():
    pass


def lost(error):
    return None


def abandon():
    pass


def gathered(layer):
    return contextlib.nullcontext()


def save_shards(folder, variables):
    raise NotImplementedError("Weights are whole: nothing is in parts.")


def load_shards(folder, variables, is_part=False):
    raise ValueError(
        f"{folder} holds weights in parts, which this backend cannot read. "
        "Resume with the KERAS_BACKEND that config.json of the run names."
    )
