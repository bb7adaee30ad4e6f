"""Processes of JAX: how they join, agree, and read each other's parts."""

import contextlib
import functools
import itertools
import json

import jax
import keras
from jax._src import distributed
from jax.experimental import multihost_utils

from layerlock.backends import launchers
from layerlock.backends.contract import ProcessLost
from layerlock.backends.jax import clusters

_HEARTBEAT = 30  # seconds without one, after which a process counts as dead
_PATIENCE = 24 * 3600 * 1000  # ms; what is dead is noticed by its heartbeat
_MESSAGE = 2**20  # bytes
# Words of the errors of JAX's services and of the libraries that send data.
_LOST = (
    "oordination",
    "heartbeat",
    "Gloo",
    "gloo",
    "NCCL",
    "onnection",
    "UNAVAILABLE",
    "Barrier failed",
)
_abandoned = []
_calls = itertools.count()  # the same in every process
_read = []  # keys of this process that all have read at the next barrier


def start_processes(coordinator=None, num_processes=None, process_id=None):
    if jax.distributed.is_initialized():
        return
    if coordinator is None and not _has_launcher():
        return
    # It would take SIGTERM, which `Interruption` does.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except Exception as error:  # also those of requests and Kubernetes
        raise ValueError(
            "JAX could not join its processes. Start the same command in every "
            "process, before anything else there uses JAX: with srun, or with "
            "`coordinator`, the HOST:PORT of process 0, `num_processes` and "
            f"`process_id`. Reason: {error}"
        ) from error


def _has_launcher() -> bool:
    if launchers.find("SLURM", "Open MPI"):
        return True
    wrong = launchers.find("torchrun")
    if wrong:
        raise ValueError(
            f"torchrun started {wrong.num_processes} processes, which JAX does "
            "not join. Use KERAS_BACKEND=torch, or start JAX's processes with "
            "srun, or with `coordinator`, `num_processes` and `process_id`."
        )
    return clusters.has_several_processes()


def process_index():
    return jax.process_index()


def process_count():
    return jax.process_count()


def lost(error):
    if isinstance(error, ProcessLost):
        return error
    text = str(error)
    if (
        isinstance(error, jax.errors.JaxRuntimeError)
        and jax.process_count() > 1
        and any(word in text for word in _LOST)
    ):
        return ProcessLost()
    return None


def _answers(function):
    """Makes an error of the service say that a process has gone."""

    @functools.wraps(function)
    def call(*arguments):
        try:
            return function(*arguments)
        except jax.errors.JaxRuntimeError as error:
            raise lost(error) or error from error

    return call


@_answers
def agree(flag):
    if jax.process_count() == 1:
        return bool(flag)
    name = f"layerlock/agree/{next(_calls)}"
    key = f"{name}/{jax.process_index()}"
    if flag:
        _client().key_value_set(key, "1")
    _meet("agree")
    if flag:
        _read.append(key)
    return bool(_client().key_value_dir_get(name))


@_answers
def broadcast(value):
    if jax.process_count() == 1:
        return value
    name = f"layerlock/broadcast/{next(_calls)}"
    client = _client()
    if jax.process_index() == 0:
        content = json.dumps(value).encode()
        parts = range(0, len(content), _MESSAGE)
        for part in parts:
            client.key_value_set_bytes(
                f"{name}/{part}", content[part : part + _MESSAGE]
            )
        client.key_value_set(f"{name}/parts", str(len(parts)))
    else:
        count = client.blocking_key_value_get(f"{name}/parts", _PATIENCE)
        content = b"".join(
            client.blocking_key_value_get_bytes(
                f"{name}/{part * _MESSAGE}", _PATIENCE
            )
            for part in range(int(count))
        )
    _meet("broadcast")
    if jax.process_index() == 0:
        client.key_value_delete(f"{name}/")
    return json.loads(content)


@_answers
def barrier():
    if jax.process_count() > 1 and not _abandoned:
        _meet("barrier")


def _meet(name):
    """Waits for all processes, and deletes the keys that they have read.

    The service keeps the name of every barrier for ever, so there are few.
    """
    client = _client()
    client.wait_at_barrier(f"layerlock/{name}", _PATIENCE)
    while _read:
        client.key_value_delete(_read.pop())


def abandon():
    # At its exit, JAX would wait minutes for processes that wait for this one.
    # The client is kept: its destructor would wait, too.
    _abandoned.append(distributed.global_state.client)
    distributed.global_state.client = None


@contextlib.contextmanager
def gathered(layer):
    if jax.process_count() == 1:
        yield
        return
    parts = [
        variable
        for variable in layer.variables
        if not variable.value.is_fully_addressable
        and not variable.value.is_fully_replicated
    ]
    # One at a time: on a CPU, collectives of two programs would mix.
    whole = []
    for variable in parts:
        value = jax.block_until_ready(variable.value)
        value = multihost_utils.process_allgather(value, tiled=True)
        if process_index() == 0:
            whole.append((variable, value))
    # Keras makes variables to save others: those are of this process alone.
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        with (
            keras.StatelessScope(state_mapping=whole)
            if whole
            else contextlib.nullcontext()
        ):
            yield
    finally:
        keras.distribution.set_distribution(distribution)


def _client():
    """The client of the service through which the processes of JAX met.

    Not a computation on devices: that would take its turn between training
    steps, and a background thread could not ask.
    """
    client = distributed.global_state.client
    if client is None:
        raise ValueError(
            f"JAX runs {jax.process_count()} processes, and this one is not "
            "joined with the others. Start the same command in every process "
            "with `coordinator`, the HOST:PORT of process 0, `num_processes` "
            "and `process_id`."
        )
    return client
