"""The processes of a run, one per device, as `torchrun` starts them."""

import atexit
import contextlib
import datetime
import gc
import os
import re

import torch
import torch.distributed

from layerlock.backends import launchers
from layerlock.backends.contract import ProcessLost
from layerlock.backends.torch import transfers
from layerlock.backends.torch.distribution import keepalive

# Seconds that a process waits for another: for the checkpoint of a large
# network, or for clips. The end of a process is noticed at once, and that of a
# machine after `keepalive.SILENCE`.
PATIENCE = 1800
# The same, for what process 0 does alone, such as a look through folders.
_LONG_PATIENCE = 24 * 3600

HOW_TO_START = (
    "Start one process per device with torchrun, such as `torchrun "
    "--nproc_per_node=2 -m layerlock pretrain`, or with srun, or pass "
    "`coordinator`, the HOST:PORT of process 0, `num_processes` and "
    "`process_id`."
)
_PORT = 29500

_devices: list[str] = []  # of all processes
_background = None
_patient = None  # all processes, for what may take long
_is_abandoned = False


def background_group():
    """All processes, for what a thread sends while training goes on."""
    return _background


def start_processes(coordinator=None, num_processes=None, process_id=None):
    if torch.distributed.is_initialized():
        return
    if coordinator is None:
        launcher = launchers.find()
        if launcher is None:
            return
        _, num_processes, process_id = launcher
        coordinator = _meeting_point(launcher.name)
    elif "://" not in coordinator:
        coordinator = f"tcp://{coordinator}"
    if num_processes == 1:
        return
    _choose_device(process_id)
    try:
        torch.distributed.init_process_group(
            # Flags travel between hosts, weights between devices.
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            init_method=coordinator,
            world_size=num_processes,
            rank=process_id,
            timeout=datetime.timedelta(seconds=PATIENCE),
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"PyTorch could not join its processes. {HOW_TO_START} "
            f"Reason: {error}"
        ) from error
    atexit.register(_leave)
    global _background, _patient
    _background = torch.distributed.new_group(backend="gloo")
    _patient = torch.distributed.new_group(
        backend="gloo", timeout=datetime.timedelta(seconds=_LONG_PATIENCE)
    )
    names = [None] * num_processes
    torch.distributed.all_gather_object(names, _own_device())
    _devices[:] = names
    keepalive.shorten()


def _meeting_point(launcher) -> str:
    if launcher == "torchrun" or "MASTER_ADDR" in os.environ:
        os.environ.setdefault("MASTER_PORT", str(_PORT))
        needed = ("MASTER_ADDR", "RANK", "WORLD_SIZE")
        if all(name in os.environ for name in needed):
            return "env://"
        address = os.environ.get("MASTER_ADDR")
        if address:
            return f"tcp://{address}:{os.environ['MASTER_PORT']}"
    host = _first_host(os.environ.get("SLURM_STEP_NODELIST", ""))
    if host is None:
        raise ValueError(
            f"{launcher} started this process with others, and does not say "
            "where they meet. Set the environment variable MASTER_ADDR to the "
            f"host of process 0. {HOW_TO_START}"
        )
    return f"tcp://{host}:{_PORT + int(os.environ['SLURM_JOB_ID']) % 1000}"


def _first_host(nodes: str) -> str | None:
    """The first of the hosts that SLURM lists, such as `node[07-09,12]`.

    >>> _first_host("node[07-09,12]"), _first_host("a1,b2"), _first_host("")
    ('node07', 'a1', None)
    """
    found = re.match(r"([^,\[]+)(?:\[(\d+))?", nodes)
    return found and "".join(part or "" for part in found.groups())


def _choose_device(process_id):
    if torch.cuda.is_available():
        local = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID"))
        local = process_id if local is None else int(local)
        torch.cuda.set_device(local % torch.cuda.device_count())
        # CUDA keeps a current device per thread. Other threads, which would
        # use the first device, find this one remembered.
        transfers.current_device()


def _own_device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def devices() -> list[str]:
    if _devices:
        return list(_devices)
    return [
        torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
    ] or ["cpu"]


def process_index():
    is_one_of_many = torch.distributed.is_initialized()
    return torch.distributed.get_rank() if is_one_of_many else 0


def process_count():
    is_one_of_many = torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if is_one_of_many else 1


@contextlib.contextmanager
def watched():
    """Context that explains the errors of the network."""
    try:
        yield
    except RuntimeError as error:
        gone = lost(error)
        if gone is not None:
            raise gone from error
        raise


def lost(error):
    if isinstance(error, ProcessLost):
        return error
    if process_count() == 1:
        return None
    # Keras makes another error of it; gloo names its own file.
    is_ours = isinstance(error, torch.distributed.DistError)
    return ProcessLost() if is_ours or "gloo/transport" in str(error) else None


@watched()
def agree(flag):
    if process_count() == 1:
        return bool(flag)
    raised = torch.tensor(int(bool(flag)))
    torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
    return bool(raised)


@watched()
def broadcast(value):
    if process_count() == 1:
        return value
    values = [value]
    torch.distributed.broadcast_object_list(
        values, src=0, group=_patient, device=torch.device("cpu")
    )
    return values[0]


def barrier():
    if not _is_abandoned:
        agree(False)


def abandon():
    global _is_abandoned
    _is_abandoned = True  # Its end closes the connections to the others.


def _leave():
    """Ends the threads that talk to the others, while Python still runs.

    Such a thread may hold the last reference to a tensor. If it lets go of it
    while Python ends, the process aborts, after all is done.
    """
    global _background, _patient
    if _is_abandoned or not torch.distributed.is_initialized():
        return
    _background = _patient = None
    gc.collect()  # A model that is gone may hold groups in a cycle.
    torch.distributed.destroy_process_group()
