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
