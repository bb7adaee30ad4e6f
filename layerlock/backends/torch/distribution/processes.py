"""The processes of a run: `torch.distributed`, started by `torchrun`."""

import datetime
import os

import torch
import torch.distributed

# Seconds that a process waits for another: for the checkpoint of a large
# network, or for clips. The end of a process is noticed at once.
PATIENCE = 1800

_HOW = (
    "Start one process per device with torchrun, such as `torchrun "
    "--nproc_per_node=2 -m layerlock pretrain ...`, or pass `coordinator`, "
    "`num_processes` and `process_id`."
)


def start_processes(coordinator=None, num_processes=None, process_id=None):
    """See `contract.py`."""
    if torch.distributed.is_initialized():
        return
    if coordinator is None:
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return
        _check_environment()
        address = "env://"
        num_processes = int(os.environ["WORLD_SIZE"])
        process_id = int(os.environ["RANK"])
    else:
        address = f"tcp://{coordinator}"
    if num_processes == 1:
        return
    if torch.cuda.is_available():
        local = int(os.environ.get("LOCAL_RANK", process_id))
        torch.cuda.set_device(local % torch.cuda.device_count())
    torch.distributed.init_process_group(
        # Flags and JSON values travel between hosts, weights between devices.
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        init_method=address,
        world_size=num_processes,
        rank=process_id,
        timeout=datetime.timedelta(seconds=PATIENCE),
    )


def _check_environment():
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in needed if name not in os.environ]
    if missing:
        raise ValueError(
            "The environment variable WORLD_SIZE announces "
            f"{os.environ['WORLD_SIZE']} processes, but {missing} are not "
            f"set. {_HOW}"
        )


def process_index() -> int:
    """See `contract.py`."""
    is_one_of_many = torch.distributed.is_initialized()
    return torch.distributed.get_rank() if is_one_of_many else 0


def process_count() -> int:
    """See `contract.py`."""
    is_one_of_many = torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if is_one_of_many else 1


def agree(flag) -> bool:
    """See `contract.py`."""
    if process_count() == 1:
        return bool(flag)
    raised = torch.tensor(int(bool(flag)))
    torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
    return bool(raised)


def broadcast(value):
    """See `contract.py`."""
    if process_count() == 1:
        return value
    values = [value]
    torch.distributed.broadcast_object_list(
        values, src=0, device=torch.device("cpu")
    )
    return values[0]


def barrier():
    """See `contract.py`."""
    agree(False)
