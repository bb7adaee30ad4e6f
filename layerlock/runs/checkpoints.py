"""Saves, verifies, finds and restores the state of a run."""

import hashlib
import json
import os
import pathlib
import shutil
import warnings

import numpy as np

from layerlock import backends

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
    shutil.rmtree(draft, ignore_errors=True)  # of a killed run
    draft.mkdir()
    backends.sync_state(model)
    model.save_weights(draft / _WEIGHTS)
    (draft / _STATE).write_text(json.dumps({**state, "step": step}))
    np.savez(draft / _ARRAYS, **(arrays or {}))
    digests = {name: _digest(draft / name) for name in _CONTENT}
    (draft / _MANIFEST).write_text(json.dumps(digests))
    for name in (*_CONTENT, _MANIFEST):
        _flush(draft / name)
    replaced = folder / f".replaced_{final.name}"
    if final.exists():  # written before a resume from an earlier step
        shutil.rmtree(replaced, ignore_errors=True)
        final.rename(replaced)
    draft.rename(final)
    _flush(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    for old in find(folder)[keep:]:
        shutil.rmtree(old)
    return final


def find(folder) -> list[pathlib.Path]:
    """Lists the checkpoints of a folder, newest first."""
    return sorted(pathlib.Path(folder).glob("step_*"), reverse=True)


def verify(checkpoint) -> str | None:
    """Returns the damage of a checkpoint; `None` if it is complete."""
    checkpoint = pathlib.Path(checkpoint)
    try:
        digests = json.loads((checkpoint / _MANIFEST).read_text())
        for name in _CONTENT:
            if _digest(checkpoint / name) != digests[name]:
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


def _digest(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
