"""Reconstructs hidden patches with a masked auto-encoder, for pictures."""

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.pretraining.tokens import take_tokens

_GREY = 128


class Reconstruction:
    """Predicts the hidden pixels of clips.

    Predictions of normalised pixels are scaled to the mean and the deviation of
    the true patch, as usual for pictures of such models.

    Args:
        model: a `MaskedPretraining`.
        example: uint8 clips of the shape of later calls, for which the program
            is compiled in advance. Defaults to `None`.

    Call arguments:
        clips: uint8, shape `(clips, frames, height, width, 3)`.

    Returns:
        Two uint8 arrays of the shape of `clips`: the clips with the hidden
        patches grey, and with the hidden patches predicted. Patches that are
        neither visible nor decoded (`target_fraction` below 1) stay grey.

    Raises:
        ValueError: if the current target is not the pixels.
    """

    def __init__(self, model, example=None):
        self.model = model
        if example is not None:
            example = (ops.convert_to_tensor(example),)
        # Compiled: operation by operation JAX takes ten times as long.
        self._compute = backends.compiled(model, self._predict, example)
        self._pixels = backends.compiled(model, self._to_pixels)

    def __call__(self, clips):
        model = self.model
        if model.target_layers != (0,):
            raise ValueError(
                "Only a model that predicts pixels can reconstruct them. "
                f"Received: target_layers={model.target_layers}."
            )
        clips = ops.convert_to_tensor(clips)
        predicted, patches, visible, hidden = map(
            ops.convert_to_numpy, self._compute(clips)
        )
        masked = np.full_like(patches, np.nan)
        seen = np.take_along_axis(patches, visible[..., None], 1)
        _put(masked, visible, seen)
        complete = masked.copy()
        _put(complete, hidden, predicted)
        return tuple(
            _to_uint8(self._pixels(ops.convert_to_tensor(tokens), clips))
            for tokens in (masked, complete)
        )

    def _to_pixels(self, patches, clips):
        encoder = self.model.encoder
        return encoder.to_pixels(patches, encoder.grid(clips.shape[1:4]))

    def _predict(self, clips):
        model = self.model
        grid = model.encoder.grid(clips.shape[1:4])
        patches = model.encoder.patchify(clips)
        visible, hidden = model.draw_masks(
            clips.shape[0], grid, training=False
        )[0]
        features = model.encode_visible(patches, visible, grid)
        (predicted,) = model.predict_hidden(features, visible, hidden, grid)
        predicted = predicted[:, -hidden.shape[1] :]
        truth = take_tokens(patches, hidden, model.masks_per_clip)
        predicted = model.objective.undo_targets(predicted, truth, layer=0)
        # The first mask of each clip.
        kept = slice(None, None, model.masks_per_clip)
        return predicted[kept], patches, visible[kept], hidden[kept]


def _put(tokens, indices, values):
    np.put_along_axis(tokens, indices[..., None], values, axis=1)


def _to_uint8(pixels):
    pixels = ops.convert_to_numpy(pixels)
    pixels = np.where(np.isnan(pixels), _GREY, np.round(pixels))
    return np.clip(pixels, 0, 255).astype("uint8")
