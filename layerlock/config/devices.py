"""Options of the devices and the processes that a run is spread over."""

import re

from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section


@section
class DevicesConfig(Section):
    """How a run is spread over devices, and where its processes meet."""

    title = "Devices"
    # Of a start, not of the run.
    OF_PROCESS = ("coordinator", "num_processes", "process_id")

    distribution: str = option(
        "none",
        "Over the devices: copies of the model, each for a part of the batch "
        "(data); weights, gradients and optimizer in parts, gathered when they "
        "are used (fsdp); the matrices of each block in parts that stay where "
        "they are (model).",
        choices=("none", "data", "fsdp", "model"),
        may_change=True,
    )
    mesh: tuple | None = option(
        None,
        "Devices along the data axis and along the model axis, such as 4,2; "
        "not set: all along the axis of `distribution`.",
        items=int,
        may_change=True,
    )
    devices: int | None = option(
        None,
        "With `plan`: the number of devices to plan for, which need not exist. "
        "JAX compiles the programs, other backends count.",
        low=2,
        may_change=True,
    )
    memory_gigabytes: float | None = option(
        None,
        "With `plan`: memory of a device, in units of 10**9 bytes. The plan "
        "names the policy of `remat` that fits with the fewest FLOPs, or what "
        "to lower.",
        above=0,
        may_change=True,
    )
    coordinator: str | None = option(
        None,
        "Address of process 0, HOST:PORT; not set: from torchrun, SLURM, Open "
        "MPI, a TPU pod or an Indexed Job of Kubernetes.",
        may_change=True,
    )
    num_processes: int | None = option(
        None,
        "Processes of the run, with `coordinator`.",
        low=1,
        may_change=True,
    )
    process_id: int | None = option(
        None,
        "Number of this process, with `coordinator`; 0 writes the run "
        "directory.",
        low=0,
        may_change=True,
    )

    def check_together(self, config):
        if self.mesh:
            self._check_mesh()
        if self.devices is not None and self.distribution == "none":
            raise OptionError(
                "`devices` plans a run that is spread over devices. Received: "
                f"devices={self.devices} with distribution=none. Use "
                "distribution=data, fsdp or model."
            )
        self._check_processes()

    def _check_mesh(self):
        written = ",".join(map(str, self.mesh))
        if len(self.mesh) not in (1, 2) or min(self.mesh) < 1:
            raise OptionError(
                "`mesh` is the number of devices along the data axis, and "
                "along the model axis if there is one, such as 4,2. Received: "
                f"mesh={written}."
            )
        if self.distribution == "none":
            raise OptionError(
                "`mesh` is the shape of a distribution. Received: "
                f"mesh={written} with distribution=none. Pass `distribution` "
                "too."
            )
        if self.distribution == "data" and max(self.mesh[1:], default=1) > 1:
            raise OptionError(
                "`distribution=data` copies the whole model to every device "
                f"and has no model axis. Received: mesh={written}. Use "
                "distribution=fsdp or model, or one number."
            )

    def _check_processes(self):
        names = self.OF_PROCESS
        given = [name for name in names if getattr(self, name) is not None]
        if not given:
            return
        missing = [f"`{name}`" for name in names if name not in given]
        if missing:
            raise OptionError(
                "`coordinator`, `num_processes` and `process_id` belong "
                f"together. Missing: {', '.join(missing)}."
            )
        if self.process_id >= self.num_processes:
            raise OptionError(
                f"`process_id` counts from 0 to {self.num_processes - 1}, as "
                f"num_processes={self.num_processes}. Received: "
                f"{self.process_id}."
            )
        if not re.fullmatch(r"\S+:\d+", self.coordinator):
            raise OptionError(
                "`coordinator` is the address of process 0, such as "
                f"10.0.0.1:8476. Received: {self.coordinator!r}."
            )
        if self.num_processes > 1 and self.distribution == "none":
            raise OptionError(
                "Several processes train one model only under a "
                "`distribution`. Received: "
                f"num_processes={self.num_processes} with distribution=none. "
                "Use distribution=data, fsdp or model."
            )
