"""The latent predictor and the V-JEPA step in plain NumPy, float64."""

import numpy as np

from tests.reference import encoder as reference


def predict(weights, *arguments, **keywords):
    """Outputs at the hidden tokens of one clip; see `predict_all`."""
    num_visible = len(arguments[2])
    return predict_all(weights, *arguments, **keywords)[num_visible:]


def predict_all(weights, num_heads, kind, visible, positions, mask_kind=0):
    """Outputs at all tokens of one clip, before any head.

    Args:
        weights: dict from path to value.
        num_heads: int.
        kind: str, of the positions.
        visible: visible tokens, `(visible, hidden_dim)`.
        positions: those of the visible, then of the hidden tokens.
        mask_kind: int.
    """
    num_hidden = len(positions) - len(visible)
    known = reference.normalise(
        visible, weights["input_norm_gamma"], weights["input_norm_beta"]
    )
    known = known @ weights["embedding/kernel"] + weights["embedding/bias"]
    asked = np.tile(weights["mask_tokens"][mask_kind], (num_hidden, 1))
    num_layers = max(
        int(path.split("/")[0].removeprefix("block_"))
        for path in weights
        if path.startswith("block_")
    )
    trunk = reference.Encoder(weights, num_layers, num_heads, kind)
    tokens = trunk.add_positions(np.concatenate([known, asked]), positions)
    tokens = trunk.run(tokens, positions)[-1]
    return reference.normalise(
        tokens, weights["output_norm_gamma"], weights["output_norm_beta"]
    )


def layer_norm(x, epsilon=1e-6):
    """LayerNorm without parameters."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)


def vjepa_loss(
    encoder,
    teacher,
    predictor_weights,
    num_heads,
    patches,
    masks,
    layer,
    visible_weight=0.0,
):
    """Mean absolute error over kinds of masks, clips, tokens and features.

    Args:
        encoder: a `reference.Encoder`, the student.
        teacher: a `reference.Encoder`.
        predictor_weights: dict from path to value.
        num_heads: int, of the predictor.
        patches: standardised, `(clips, tokens, patch_dim)`.
        masks: a pair (visible, hidden) per kind, as `MultiBlockMask` draws.
        layer: int, the teacher's layer to predict.
        visible_weight: float, of the error at visible tokens, each over the
            square root of the distance to the nearest hidden one.
    """

    def head(name, tokens):
        kernel, bias = (
            predictor_weights[f"{name}/{part}"] for part in ("kernel", "bias")
        )
        return tokens @ kernel + bias

    grid = round((patches.shape[1] / 2) ** 0.5)
    positions = reference.token_positions((2, grid, grid))
    losses = []
    for kind, (visible, hidden) in enumerate(masks):
        errors = []
        for clip, seen, unseen in zip(patches, visible, hidden, strict=True):
            tokens = encoder.embed(clip[seen], positions[seen])
            features = encoder.run(tokens, positions[seen])[-1]
            output = predict_all(
                predictor_weights,
                num_heads,
                encoder.kind,
                features,
                positions[np.concatenate([seen, unseen])],
                kind,
            )
            predicted = head("latent_head_1", output[len(seen) :])
            whole = teacher.embed(clip, positions)
            target = layer_norm(teacher.run(whole, positions)[layer - 1])
            errors.append(np.abs(predicted - target[unseen]).mean())
            if "visible_latent_head_1/kernel" in predictor_weights:
                predicted = head("visible_latent_head_1", output[: len(seen)])
                error = np.abs(predicted - target[seen]).mean(axis=-1)
                between = positions[seen][:, None] - positions[unseen]
                nearest = np.sqrt((between**2).sum(axis=-1)).min(axis=1)
                errors[-1] += visible_weight * (error / nearest**0.5).mean()
        losses.append(np.mean(errors))
    return np.mean(losses)
