"""Saves, verifies, finds and restores the state of a run."""

import contextlib
import io
import json
import pathlib
import warnings

import numpy as np

from layerlock import backends, disk
from layerlock.backends import weights

_WEIGHTS = "model.weights.h5"
_STATE = "state.json"
_ARRAYS = "arrays.npz"
_CONTENT = (_WEIGHTS, _STATE, _ARRAYS)
_MANIFEST = "manifest.json"


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
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step_{step:08d}"
    draft = folder / f".writing_{final.name}"
    disk.discard(draft)  # of a killed run
    draft.mkdir()
    try:
        _write(draft, model, {**state, "step": step}, arrays or {})
        if final.exists():  # written before a resume from an earlier step
            replaced = folder / f".replaced_{final.name}"
            disk.discard(replaced)
            final.rename(replaced)
        draft.rename(final)
    except BaseException:
        disk.discard(draft)  # it may be what has filled the disk
        raise
    disk.flush(folder)
    tidy(folder, step, keep)
    return final


def _write(draft, model, state, arrays):
    backends.sync_state(model)
    weights.save(model, draft / _WEIGHTS)
    content = io.BytesIO()
    np.savez(content, **arrays)
    disk.write(draft / _ARRAYS, content.getvalue())
    disk.write(draft / _STATE, json.dumps(state).encode())
    digests = {name: disk.digest(draft / name) for name in _CONTENT}
    disk.write(draft / _MANIFEST, json.dumps(digests).encode())
    disk.flush(draft)


def tidy(folder, step: int, keep: int):
    """Removes what a run that is at `step` no longer needs.

    These are checkpoints older than the newest `keep`, and later ones: a run
    that is at an earlier step found that they were damaged. What a killed run
    left in the middle of writing or removing goes, too. The checkpoint of
    `step` is never removed.

    Args:
        folder: path of the folder of checkpoints.
        step: int, of the checkpoint that was just written or loaded.
        keep: int, the newest checkpoints to keep.
    """
    folder = pathlib.Path(folder)
    whole = [path for path in find(folder) if step_of(path) <= step]
    later = [path for path in find(folder) if step_of(path) > step]
    for path in [*later, *whole[keep:]]:
        # Renamed first: a kill does not leave a part of a checkpoint.
        with contextlib.suppress(OSError):
            path.rename(folder / f".removed_{path.name}")
    for path in folder.glob(".*_step_*"):
        disk.discard(path)


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


def verify(checkpoint) -> str | None:
    """Returns the damage of a checkpoint; `None` if it is complete."""
    checkpoint = pathlib.Path(checkpoint)
    try:
        digests = json.loads((checkpoint / _MANIFEST).read_text())
        for name in _CONTENT:
            if disk.digest(checkpoint / name) != digests[name]:
                return f"{name} does not match its checksum"
    except FileNotFoundError as error:
        return f"{pathlib.Path(error.filename).name} is missing"
    except (ValueError, KeyError, TypeError, OSError):
        return f"{_MANIFEST} cannot be read"
    return None


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
            state = json.loads((checkpoint / _STATE).read_text())
            return checkpoint, state, damaged
        damaged.append(f"{checkpoint.name} is damaged: {problem}.")
    raise FileNotFoundError(
        f"No complete checkpoint in {folder}. {' '.join(damaged)} Start a "
        "new run with another `run_dir`."
    )


def read_arrays(checkpoint) -> dict:
    """Reads the arrays of a checkpoint, without running code from it."""
    path = pathlib.Path(checkpoint) / _ARRAYS
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


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
            model.load_weights(pathlib.Path(checkpoint) / _WEIGHTS)
        except (UserWarning, ValueError) as error:
            raise ValueError(
                f"{checkpoint} has another stage, optimizer or network. "
                "Freeze the same layers and compile with the same optimizer "
                f"before loading it. {error}"
            ) from None


def recover(folder):
    """Gives a checkpoint its name again, if a kill came between two renames."""
    for replaced in pathlib.Path(folder).glob(".replaced_step_*"):
        path = replaced.with_name(replaced.name.removeprefix(".replaced_"))
        if not path.exists():
            replaced.rename(path)
