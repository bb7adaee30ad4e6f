"""Saves, verifies, finds and restores the state of a run."""

import contextlib
import io
import json
import pathlib
import warnings

import numpy as np

from layerlock import backends, disk, json_files
from layerlock.backends import weights
from layerlock.models import stored
from layerlock.runs import array_files
from layerlock.runs.verification import (
    ARRAYS,
    MANIFEST,
    SHARDS,
    STATE,
    WEIGHTS,
    names,
    verify,
)

_MAX_ARRAYS = 2**40  # bytes
# Sizes and dates of checkpoints whose checksums this process has compared:
# those of large models take minutes.
_whole = {}


def save(
    folder, model, step: int, state: dict, keep: int = 3, arrays=None
) -> pathlib.Path:
    """Writes a checkpoint of a model, its optimizer and `state`.

    The checkpoint gets its name when all files are on the disk, with a
    checksum for each of them.

    Args:
        folder: path of the folder of checkpoints. Made if it is missing.
        model: a compiled `keras.Model`.
        step: int, optimizer updates done.
        state: dict of JSON values, which `read_newest` returns.
        keep: int, the newest checkpoints to keep. Defaults to `3`.
        arrays: dict of NumPy arrays, which `read_arrays` returns. Defaults to
            none.

    Returns:
        Path of the checkpoint, `folder/step_00001000`.
    """
    if keep < 1:
        raise ValueError(
            f"`keep` must be at least 1 checkpoint. Received: keep={keep}."
        )
    draft = begin(folder, step)
    try:
        backends.sync_state(model)
        weights.save(model, draft / WEIGHTS)
        return complete(draft, step, state, keep, arrays)
    except BaseException:
        disk.discard(draft)  # it may be what has filled the disk
        raise


def begin(folder, step: int) -> pathlib.Path:
    """Makes the folder in which a checkpoint is written; see `complete`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / draft_name(step)
    disk.discard(draft)  # of a killed run
    draft.mkdir()
    return draft


def draft_name(step: int) -> str:
    """The name of the folder of a checkpoint that is not complete."""
    return f".writing_step_{step:08d}"


def complete(
    draft, step: int, state: dict, keep: int, arrays=None
) -> pathlib.Path:
    """Adds what is not a weight, checksums, and the name of the checkpoint.

    Args:
        draft: result of `begin`, with the weights.
        step, state, keep, arrays: as for `save`.
    """
    content = io.BytesIO()
    np.savez(content, **(arrays or {}))
    disk.write(draft / ARRAYS, content.getvalue())
    disk.write(draft / STATE, json.dumps({**state, "step": step}).encode())
    digests = {str(name): disk.digest(draft / name) for name in names(draft)}
    disk.write(draft / MANIFEST, json.dumps(digests).encode())
    disk.flush(draft)
    folder = draft.parent
    final = folder / f"step_{step:08d}"
    if final.exists():  # written before a resume from an earlier step
        replaced = folder / f".replaced_{final.name}"
        disk.discard(replaced)
        final.rename(replaced)
    draft.rename(final)
    disk.flush(folder)
    _whole[str(final)] = _signature(final)  # its checksums are of the disk
    tidy(folder, step, keep)
    return final


def tidy(folder, step: int, keep: int):
    """Removes what a run that is at `step` no longer needs.

    These are checkpoints older than the newest `keep` complete ones, and later
    ones: a run that is at an earlier step found that they were damaged. What a
    killed run left in the middle of writing or removing goes, too. The
    checkpoint of `step` is never removed.

    Args:
        folder: path of the folder of checkpoints.
        step: int, of the checkpoint that was just written or loaded.
        keep: int, the newest checkpoints to keep.
    """
    folder = pathlib.Path(folder)
    later = [path for path in find(folder) if step_of(path) > step]
    older, num_whole = [], 0
    for path in find(folder)[len(later) :]:
        if num_whole >= keep:
            older.append(path)
        num_whole += step_of(path) == step or _is_whole(path)
    for path in [*later, *older]:
        # Renamed first: a kill does not leave a part of a checkpoint.
        with contextlib.suppress(OSError):
            path.rename(folder / f".removed_{path.name}")
    for path in folder.glob(".*_step_*"):
        disk.discard(path)


def _is_whole(checkpoint) -> bool:
    """Compares the checksums of a checkpoint, once unless it changes."""
    signature = _signature(checkpoint)
    if _whole.get(str(checkpoint)) != signature:
        try:
            if verify(checkpoint) is not None:
                return False
        except OSError:  # of the disk: nobody knows
            return False
        _whole[str(checkpoint)] = signature
    return True


def _signature(checkpoint) -> list:
    """Size and date of each file; empty if they cannot be listed."""
    try:
        facts = [(n, (checkpoint / n).stat()) for n in names(checkpoint)]
    except OSError:
        return []
    return [
        (name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in facts
    ]


def find(folder) -> list[pathlib.Path]:
    """Lists the checkpoints of a folder, newest first."""
    found = pathlib.Path(folder).glob("step_*")
    return sorted(
        (path for path in found if path.name[5:].isdecimal()),
        key=step_of,
        reverse=True,
    )


def step_of(checkpoint) -> int:
    """The optimizer step of a checkpoint, from its name."""
    return int(pathlib.Path(checkpoint).name.removeprefix("step_"))


def read_newest(folder) -> tuple[pathlib.Path, dict, list[str]]:
    """Finds the newest complete checkpoint.

    Args:
        folder: path of the folder of checkpoints.

    Returns:
        Its path, its state, and a sentence for every damaged newer
        checkpoint.

    Raises:
        FileNotFoundError: if there is no complete checkpoint.
    """
    damaged = []
    recover(folder)
    for checkpoint in find(folder):
        problem = verify(checkpoint)
        if problem is None:
            state = json_files.read(checkpoint / STATE)
            return checkpoint, state, damaged
        damaged.append(f"{checkpoint.name} is damaged: {problem}.")
    raise FileNotFoundError(
        f"No complete checkpoint in {folder}. {' '.join(damaged)} Start a "
        "new run with another `run_dir`."
    )


def read_arrays(checkpoint) -> dict:
    """Reads the arrays of a checkpoint, without running code from it."""
    return array_files.read(pathlib.Path(checkpoint) / ARRAYS, _MAX_ARRAYS)


def load_weights(checkpoint, model):
    """Loads weights and optimizer of a checkpoint into a model.

    The model must be at the checkpoint's stage: freeze its layers first
    (`FreezeScheduler.freeze(state["frozen_layers"])`).

    Args:
        checkpoint: path of a checkpoint.
        model: a compiled `keras.Model` with the same networks.

    Raises:
        ValueError: if the checkpoint does not fit the model.
    """
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    with warnings.catch_warnings():
        # Keras skips unknown weights with a warning.
        warnings.filterwarnings("error", message="Skipping")
        try:
            _load(pathlib.Path(checkpoint), model)
        except Exception as error:
            # A file of another program may raise any exception in HDF5.
            raise ValueError(
                f"{checkpoint} has another stage, optimizer or network. "
                "Freeze the same layers and compile with the same optimizer "
                f"before loading it. {error}"
            ) from None


def _load(checkpoint, model):
    shards = checkpoint / SHARDS
    if shards.is_dir():
        backends.load_shards(shards, named_variables(model))
        return
    stored.check_weights(checkpoint / WEIGHTS)
    model.load_weights(checkpoint / WEIGHTS)


def named_variables(model) -> dict:
    """The variables that a checkpoint has, by names that no process changes.

    Names of Keras have counters: those of a process's second model differ.

    Args:
        model: compiled.
    """
    left_out = {id(v) for v in getattr(model, "unsaved_variables", ())}
    variables = [v for v in model.variables if id(v) not in left_out]
    variables += model.optimizer.variables
    return {f"{n:05d}_{v.name}": v for n, v in enumerate(variables)}


def recover(folder):
    """Gives a checkpoint its name again, if a kill came between two renames."""
    for replaced in pathlib.Path(folder).glob(".replaced_step_*"):
        path = replaced.with_name(replaced.name.removeprefix(".replaced_"))
        if not path.exists():
            replaced.rename(path)
