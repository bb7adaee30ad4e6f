"""Shows what a masked auto-encoder makes of the patches it cannot see."""

import numpy as np
from keras import ops

from layerlock.core.tokens import take_tokens

_GREY = 128


def reconstruct(model, clips):
    """Predicts the hidden pixels of clips.

    Predictions of per-patch normalised pixels are given the mean and the
    deviation of the true patch, as is usual for pictures of such models.

    Args:
        model: a `MaskedPretraining` whose target is the pixels.
        clips: uint8, shape `(clips, frames, height, width, 3)`.

    Returns:
        Two uint8 arrays of the shape of `clips`: the clips with the hidden
        patches grey, and with the hidden patches predicted. Patches that are
        neither visible nor decoded (`target_fraction` below 1) stay grey.

    Raises:
        ValueError: if the model's target is not the pixels.
    """
    if model.target_layers != (0,):
        raise ValueError(
            "Only a model that predicts pixels can reconstruct them. "
            f"Received: target_layers={model.target_layers}."
        )
    encoder = model.encoder
    grid = encoder.grid(clips.shape[1:4])
    patches = encoder.patchify(clips)
    visible, hidden = model.draw_masks(len(clips), grid, training=False)[0]
    # The first mask of each clip.
    kept = slice(None, None, model.masks_per_clip)
    features = model.encode_visible(patches, visible, grid)
    (predicted,) = model.predict_hidden(features, visible, hidden, grid)
    truth = take_tokens(patches, hidden, model.masks_per_clip)
    predicted = model.objective.undo_targets(predicted, truth, layer=0)
    predicted, patches, visible, hidden = (
        ops.convert_to_numpy(x)
        for x in (predicted[kept], patches, visible[kept], hidden[kept])
    )
    masked = np.full_like(patches, np.nan)
    _put(masked, visible, np.take_along_axis(patches, visible[..., None], 1))
    complete = masked.copy()
    _put(complete, hidden, predicted)
    return tuple(_to_uint8(encoder, x, grid) for x in (masked, complete))


def _put(tokens, indices, values):
    np.put_along_axis(tokens, indices[..., None], values, axis=1)


def _to_uint8(encoder, patches, grid):
    pixels = ops.convert_to_numpy(encoder.to_pixels(patches, grid))
    pixels = np.where(np.isnan(pixels), _GREY, np.round(pixels))
    return np.clip(pixels, 0, 255).astype("uint8")
