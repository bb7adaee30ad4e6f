"""Trainings of several processes: `torchrun --nproc_per_node=2 -m
tests.backends.torch.distribution.training FOLDER`.

Process 0 writes what each run logged, sent and learnt: two processes those of
`FEW` and `FLOAT8`, more processes all of `RUNS`.
"""

import dataclasses
import pathlib
import sys

import numpy as np

from layerlock import backends
from tests.backends import spread
from tests.backends.spread import Run
from tests.backends.torch.distribution.traffic import Traffic

COPIES = Run("data")
ACCUMULATED = Run("data", "vjepa", accumulation=2)
PARTS = Run("fsdp", clipnorm="clipnorm")
SAVED = Run("fsdp", "vjepa")
FEW = [COPIES, ACCUMULATED, PARTS, SAVED]
FLOAT8 = [Run("data", float8=True), Run("fsdp", float8=True)]
RUNS = [
    *FEW,
    *FLOAT8,
    Run("data", "lejepa"),
    Run("fsdp", "lejepa"),
    Run("fsdp", accumulation=2, remat="blocks"),
]


def main(folder):
    """Runs all trainings, and saves the parts of one and loads them."""
    folder = pathlib.Path(folder)
    backends.start_processes()

    def keep(name, arrays):
        if backends.process_index() == 0:
            np.savez(folder / f"{name}.npz", **arrays)

    def save(model):
        last, taught = (
            [tuple(v.value.shape) for v in encoder.blocks[-1].variables]
            for encoder in (model.encoder, model.teacher)
        )
        block = model.encoder.blocks[-1]
        whole = [tuple(backends.whole(v).shape) for v in block.variables]
        assert taught == last != whole
        (folder / "parts").mkdir(exist_ok=True)
        backends.save_shards(folder / "parts", spread.named(model)).wait()

    is_few = backends.process_count() == 2
    for run in [*FEW, *FLOAT8] if is_few else RUNS:
        traffic = Traffic()
        arrays = spread.train(run, [traffic], save if run == SAVED else None)
        keep(run.name, {**arrays, "sent": np.array(traffic.sent)})
    for kind in ("fsdp", "data"):
        run = dataclasses.replace(SAVED, kind=kind)
        keep(f"restored-{kind}", spread.restored(run, folder / "parts"))


if __name__ == "__main__":
    main(sys.argv[1])
