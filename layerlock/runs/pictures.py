"""Stores arrays for the pictures of a report; converts features to RGB."""

import io
import zipfile
import zlib

import numpy as np

from layerlock.runs import writing
from layerlock.runs.directory import RunDirectory

RECONSTRUCTION = "reconstruction.npz"
FEATURES = "features.npz"


def save_reconstruction(
    run: RunDirectory, clips, masked, reconstruction, step: int
):
    """Saves fixed clips, their visible patches and their reconstruction.

    Args:
        run: the run directory.
        clips: uint8, shape `(clips, frames, height, width, 3)`.
        masked: the same with the hidden patches grey.
        reconstruction: the same with the hidden patches predicted.
        step: the optimizer step of the reconstruction.
    """
    arrays = {
        "clips": _video("clips", clips),
        "masked": _video("masked", masked),
        "reconstruction": _video("reconstruction", reconstruction),
    }
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            "`clips`, `masked` and `reconstruction` must have one shape. "
            f"Received: {shapes}."
        )
    _save(run, RECONSTRUCTION, step=np.int64(step), **arrays)


def save_features(run: RunDirectory, clips, features, layer: str, step: int):
    """Saves the features of one layer for fixed clips.

    Args:
        run: the run directory.
        clips: uint8, shape `(clips, frames, height, width, 3)`.
        features: shape `(clips, times, rows, columns, width)`.
        layer: name of the layer.
        step: the optimizer step of the features.
    """
    clips = _video("clips", clips)
    features = np.asarray(features, dtype="float32")
    if features.ndim != 5 or len(features) != len(clips):
        raise ValueError(
            "`features` must have the shape (clips, times, rows, columns, "
            f"width) for {len(clips)} clips. "
            f"Received: features.shape={features.shape}."
        )
    _save(
        run,
        FEATURES,
        clips=clips,
        features=features,
        layer=np.str_(layer),
        step=np.int64(step),
    )


def load(run: RunDirectory, name: str) -> dict | None:
    """Returns the arrays of one file of pictures.

    `None` if it is missing or damaged: a report does without it.
    """
    path = run.pictures_path / name
    if not path.exists():
        return None
    try:
        with (
            open(path, "rb") as file,  # NumPy leaves a damaged one open
            np.load(file, allow_pickle=False) as arrays,
        ):
            return {key: arrays[key] for key in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def features_to_rgb(features, clip_range: float = 2.0):
    """Maps the first three principal components of features to RGB.

    The components and the range of the colours are computed from all clips
    and frames together, so that colours are comparable. The sign of a
    component, which is arbitrary, is fixed by its largest weight.

    Args:
        features: shape `(..., width)`.
        clip_range: percent of the values that are clipped at each end.

    Returns:
        uint8, shape `(..., 3)`. A component without variance, as in collapsed
        features, is mid-grey; so are values that are not finite.

    Example:

    >>> features_to_rgb(np.ones((4, 8))).tolist()[0]
    [128, 128, 128]
    """
    features = np.asarray(features, dtype="float64")
    tokens = features.reshape(-1, features.shape[-1])
    finite = np.isfinite(tokens).all(axis=-1)
    colours = np.full((len(tokens), 3), 0.5)
    if finite.any():
        components = _main_components(tokens[finite])
        low, high = np.percentile(
            components, [clip_range, 100 - clip_range], axis=0
        )
        spread = high - low
        # A spread below the rounding of the features is noise.
        varies = spread > 1e-6 * np.abs(tokens[finite]).max()
        scaled = (components - low) / np.where(varies, spread, 1)
        colours[finite, : scaled.shape[1]] = np.where(varies, scaled, 0.5)
    colours = np.clip(colours, 0, 1)
    pixels = np.floor(colours * 255 + 0.5).astype("uint8")
    return pixels.reshape(*features.shape[:-1], 3)


def _main_components(tokens):
    """Projections on the first three principal directions, `(tokens, 3)`."""
    centred = tokens - tokens.mean(axis=0)
    # The eigenvectors of the covariance are the right singular vectors of the
    # tokens, at a cost that is linear in the number of tokens.
    _, vectors = np.linalg.eigh(centred.T @ centred)  # rising eigenvalues
    directions = vectors.T[::-1][:3]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return centred @ (directions * signs[:, None]).T


def _video(name: str, array):
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.ndim != 5 or array.shape[-1] != 3:
        raise ValueError(
            f"`{name}` must be uint8 of shape (clips, frames, height, width, "
            f"3). Received: {array.dtype} of shape {array.shape}."
        )
    return array


def _save(run: RunDirectory, name: str, **arrays):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    writing.replace_file(run.pictures_path / name, content.getvalue())
