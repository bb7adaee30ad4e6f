"""What imported networks compute, to be compared with a reference."""

from tests.models import networks


def assert_layers(encoder, clips, expected, tolerance=1e-4):
    """Features of each layer are the expected arrays.

    Args:
        encoder: `VideoEncoder`.
        clips: uint8 `(batch, frames, rows, columns, 3)`.
        expected: list of NumPy arrays, one for each of `layer_names`; their
            shapes may have tokens in place of the grid, and no batch of one.
        tolerance: float, see `networks.assert_close`.
    """
    features = encoder.features(clips)
    for name, wanted in zip(encoder.layer_names, expected, strict=True):
        values = networks.numpy(features[name]).reshape(wanted.shape)
        networks.assert_close(values, wanted, tolerance)


def predict(imported, tokens, visible, hidden, layer, **more):
    """Predictions of a layer at hidden tokens, `(batch, hidden, values)`.

    Args:
        imported: what `foreign.read` returns.
        tokens: features of visible tokens, `(batch, visible, width)`.
        visible: numbers of these tokens, `(batch, visible)`.
        hidden: numbers of hidden tokens, `(batch, hidden)`.
        layer: int, the target; 0 for pixels.
        more: arguments of the predictor, such as `mask_kind`.
    """
    positions = imported.encoder.token_positions()
    (found,) = imported.predictor(
        tokens,
        positions[visible],
        positions[hidden],
        imported.encoder,
        target_layers=(layer,),
        **more,
    )
    return found
