"""Who started this process, and how many beside it.

The variables are those that the launchers document.
"""

import os
import typing

# Number of all processes, number of this one.
_VARIABLES = {
    "torchrun": ("WORLD_SIZE", "RANK"),
    "SLURM": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
}


class Launcher(typing.NamedTuple):
    """What started several processes.

    Attributes:
        name: str.
        num_processes: int.
        process_id: int, of this process.
    """

    name: str
    num_processes: int
    process_id: int


def find(*names) -> Launcher | None:
    """The launcher that started this process with others, if one did.

    Args:
        *names: launchers to look for. Defaults to all: `torchrun`, `SLURM`
            and `Open MPI`.
    """
    for name in names or _VARIABLES:
        try:
            numbers = [int(os.environ[key]) for key in _VARIABLES[name]]
        except (KeyError, ValueError):
            continue
        if numbers[0] > 1:
            return Launcher(name, *numbers)
    return None


def command() -> list[str]:
    """Words that start a module as this process and others were started.

    They belong before `layerlock`; without a launcher there are none.
    """
    launcher = find()
    if launcher is None:
        return []
    if launcher.name == "torchrun":
        return _torchrun(launcher.num_processes)
    if launcher.name == "SLURM":
        nodes = os.environ.get("SLURM_STEP_NUM_NODES")
        options = [f"--nodes={nodes}"] if nodes else []
        return ["srun", *options, f"--ntasks={launcher.num_processes}"]
    return ["mpirun", "-n", str(launcher.num_processes), "-x", "KERAS_BACKEND"]


def _torchrun(num_processes) -> list[str]:
    per_host = int(os.environ.get("LOCAL_WORLD_SIZE", num_processes))
    hosts = num_processes // per_host
    options = [f"--nproc_per_node={per_host}", "-m"]
    if hosts > 1:
        meeting = os.environ.get("MASTER_ADDR", "HOST")
        options = [
            f"--nnodes={hosts}",
            "--rdzv_backend=c10d",
            f"--rdzv_endpoint={meeting}",
            *options,
        ]
    return ["torchrun", *options]
