"""A baseline that can collapse: pixels and a layer that is trained."""

import math

import keras
from keras import ops

from layerlock import backends
from layerlock.core.pretraining.objectives._normalized import NormalizedTargets

SCHEDULES = ("constant", "cosine")


@keras.saving.register_keras_serializable("layerlock")
class MaskedAutoencodingWithLatents(NormalizedTargets):
    """Predicts hidden pixels and an unfrozen layer of the encoder.

    The latent target can move towards its prediction, which freezing
    prevents. The loss is the squared error on the pixels plus `weight` times
    the squared error on the latents.

    Reference: LayerLock (arXiv 2509.10156), Table 3. The layer, the shape of
    the cosine and whether a gradient flows through the target are not in the
    paper.

    Args:
        target_layer: int, the block whose output is predicted beside the
            pixels; -1 is the last block that processes visible patches only.
            Defaults to `-1`.
        weight: float, of the latent error. Defaults to `1.0`.
        weight_schedule: `"constant"`, or `"cosine"`, which raises the weight
            from 0 with half a cosine. Defaults to `"constant"`.
        steps: int, in optimizer steps, the length of the cosine. Defaults to
            `100_000`.
        target_gradient: bool, whether the gradient flows through the latent
            target. Defaults to `False`.
        normalize_pixels: bool, each patch to mean 0 and variance 1; or
            `"channels"`, each colour of a patch, as VideoMAE does. Defaults
            to `True`.
        normalize_latents: bool, LayerNorm without parameters. Defaults to
            `True`.
        epsilon: float, added to variances. Defaults to `1e-6`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> objective = MaskedAutoencodingWithLatents(
    ...     weight_schedule="cosine", steps=100
    ... )
    >>> objective.target_layers(0)
    (0, -1)
    >>> [round(float(objective.target_weights(2, s)[1]), 2) for s in (0, 50)]
    [0.0, 0.5]
    """

    teacher = "self"

    def __init__(
        self,
        target_layer=-1,
        weight=1.0,
        weight_schedule="constant",
        steps=100_000,
        target_gradient=False,
        normalize_pixels=True,
        normalize_latents=True,
        epsilon=1e-6,
    ):
        super().__init__(normalize_pixels, normalize_latents, epsilon)
        if target_layer == 0:
            raise ValueError(
                "`target_layer` must be a block: the pixels are always "
                "predicted. Received: target_layer=0. For pixels "
                "alone, use the objective 'mae'."
            )
        if weight_schedule not in SCHEDULES:
            raise ValueError(
                f"`weight_schedule` must be one of {list(SCHEDULES)}. "
                f"Received: weight_schedule={weight_schedule!r}."
            )
        if weight <= 0 or steps < 1:
            raise ValueError(
                "`weight` must be positive and `steps` at least 1. Received: "
                f"weight={weight}, steps={steps}. For pixels alone, use the "
                "objective 'mae'."
            )
        self.target_layer = target_layer
        self.chosen_layers = (target_layer,)
        self.weight = weight
        self.weight_schedule = weight_schedule
        self.steps = steps
        self.target_gradient = target_gradient

    def target_layers(self, frozen_layers):
        return (0, self.target_layer)

    def target_weights(self, num_targets, step):
        if self.weight_schedule == "constant":
            return [1.0, self.weight]
        progress = ops.cast(step, "float32") / float(self.steps)
        cosine = ops.cos(
            math.pi * ops.minimum(progress, backends.constant(1.0, "float32"))
        )
        return [1.0, self.weight * 0.5 * (1.0 - cosine)]

    def get_config(self):
        return {
            "target_layer": self.target_layer,
            "weight": self.weight,
            "weight_schedule": self.weight_schedule,
            "steps": self.steps,
            "target_gradient": self.target_gradient,
            "normalize_pixels": self.normalize_pixels,
            "normalize_latents": self.normalize_latents,
            "epsilon": self.epsilon,
        }
