"""What two runs must share, and what a fault must leave whole."""

import json
import pathlib
import zipfile

import h5py
import numpy as np

from layerlock.models import exported
from layerlock.runs import RunDirectory, checkpoints

# Keys of metrics.jsonl that depend on the clock.
TIMES = {
    "clips_per_second",
    "seconds",
    "stall_seconds",
    "input_wait",
    "monitor_seconds",
    "held_out_seconds",
}
MEASURED = {"peak_memory_bytes"}


def differences(run_dir, expected_dir) -> list[str]:
    """What is not equal, bit for bit, in two runs that came to their end."""
    run_dir, expected_dir = pathlib.Path(run_dir), pathlib.Path(expected_dir)
    found = [
        f"{'missing' if name in files(expected_dir) else 'left over'}: {name}"
        for name in sorted(files(run_dir) ^ files(expected_dir))
    ]
    if metrics(run_dir) != metrics(expected_dir):
        found.append("metrics.jsonl differs")
    for path in sorted(expected_dir.rglob("*")):
        other = run_dir / path.relative_to(expected_dir)
        if path.suffix in (".h5", ".npz") and other.exists():
            name = other.relative_to(run_dir).as_posix()
            try:
                unlike = unequal(arrays(path), arrays(other))
            except (OSError, ValueError, EOFError, zipfile.BadZipFile):
                unlike = ["cannot be read"]
            found += [f"{name} differs: {key}" for key in unlike[:1]]
    for name in ("state.json",):
        for path in sorted(expected_dir.rglob(name)):
            other = run_dir / path.relative_to(expected_dir)
            if other.exists() and state(path) != state(other):
                found.append(f"{other.relative_to(run_dir)} differs")
    return found


def files(run_dir) -> set[str]:
    """The files of a run."""
    return {
        path.relative_to(run_dir).as_posix()
        for path in pathlib.Path(run_dir).rglob("*")
        if path.is_file()
    }


def metrics(run_dir) -> list[dict]:
    """The lines of a run, without what depends on the clock."""
    dropped = TIMES | MEASURED
    return [
        {
            key: str(value)  # NaN is equal to NaN
            for key, value in line.items()
            if key not in dropped
        }
        for line in RunDirectory.open(run_dir).read_metrics()
    ]


def state(path) -> dict:
    """A state without what depends on the clock."""
    return {
        name: value
        for name, value in json.loads(path.read_text()).items()
        if name != "stopwatch"
    }


def arrays(path) -> dict:
    """The arrays of a file of weights or of a NumPy archive, by name."""
    if path.suffix == ".npz":
        with (
            open(path, "rb") as file,  # NumPy leaves a damaged one open
            np.load(file, allow_pickle=False) as stored,
        ):
            return dict(stored)
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def unequal(some: dict, others: dict) -> list[str]:
    """Names of arrays that are not the same in both."""
    return [
        name
        for name in sorted(some.keys() | others.keys())
        if name not in some
        or name not in others
        or some[name].dtype != others[name].dtype
        or some[name].tobytes() != others[name].tobytes()
    ]


def losses(run_dir, calls) -> list[str]:
    """What had been whole before a fault and is not any more.

    Args:
        run_dir: path of the run.
        calls: list of (name, path), the calls that were done.
    """
    run_dir = pathlib.Path(run_dir)
    found = []
    renamed = [path for name, path in calls if name == "rename"]
    if ".config.json.partial" in renamed:
        try:
            RunDirectory.open(run_dir)
        except ValueError as error:
            found.append(f"config.json: {error}")
    saved = [
        int(path.rpartition("_")[2])
        for path in renamed
        if path.startswith("checkpoints/.writing_")
    ]
    whole = [
        int(path.name.rpartition("_")[2])
        for path in checkpoints.find(run_dir / "checkpoints")
        if checkpoints.verify(path) is None
    ]
    if saved and max(whole, default=-1) < saved[-1]:
        found.append(f"checkpoint of step {saved[-1]}: only {whole} are whole")
    if ".writing_encoder" in renamed:
        folder = exported.readable_path(run_dir / "encoder")
        try:
            exported.read_config(folder)
            arrays(folder / exported.WEIGHTS)
        except (OSError, ValueError) as error:
            found.append(f"encoder: {error}")
    return found
