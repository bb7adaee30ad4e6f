"""V-JEPA: predict the features of a teacher at hidden patches."""

import math
import numbers

import keras
from keras import ops

from layerlock import backends
from layerlock.core.normalization import denormalize, normalize
from layerlock.core.pretraining.objectives import _visible
from layerlock.core.pretraining.objectives.base import TEACHERS, Objective

LOSSES = ("l1", "smooth_l1", "l2")
_WARMUP = (1 / 9, 2 / 9)  # 15,000 to 30,000 of the 135,000 steps of V-JEPA 2.1


@keras.saving.register_keras_serializable("layerlock")
class VJEPA(Objective):
    """Predicts the features of a teacher that processes the whole clip.

    The teacher is a moving average of the encoder. With LayerLock the target
    is layer k + 1 of the teacher while k layers are frozen, at most its last
    layer. For plain V-JEPA, which always predicts the last layer, pass
    `target_layer=-1`.

    Reference: [V-JEPA, Bardes et al., 2024](
    https://arxiv.org/abs/2404.08471), Eq. 1, whose momentum, loss and masks
    are the defaults; LayerLock (arXiv 2509.10156), section 3, for the targets
    of a run that freezes; [V-JEPA 2.1, Mur-Labadia et al., 2026](
    https://arxiv.org/abs/2603.14482) for the loss on visible patches. Its
    encoder's levels are not fused before the predictor here.

    Args:
        teacher: `"ema"`, the moving average; `"frozen"`, the encoder's own
            newest frozen layer, and the pixels until there is one; `"self"`,
            the encoder as it is, a baseline that can collapse; `"fixed"`, the
            last layer of another encoder. Defaults to `"ema"`.
        momentum: float in [0, 1], of an `"ema"` teacher, at the first
            optimizer step. Defaults to `0.998`.
        final_momentum: float in [0, 1], momentum from step `steps` on; in
            between it changes linearly. Defaults to `1.0`.
        steps: int, in optimizer steps. Defaults to `90_000`, V-JEPA's run.
        target_layer: the target layer at all stages, an int; -1 is the last.
            A tuple of ints, such as `(2, 4, 6, 8)`: each layer has its own
            linear map, and all have equal weights, as the four of V-JEPA 2.1.
            Defaults to `None`.
        target_gradient: bool, whether the gradient flows through the targets
            of `teacher="self"`. Defaults to `False`.
        loss_type: `"l1"`, `"smooth_l1"` (quadratic below 1) or `"l2"`.
            Defaults to `"l1"`.
        normalize_targets: bool, LayerNorm without parameters. Defaults to
            `True`.
        epsilon: float, added to variances. Defaults to `1e-6`.
        visible_weight: float, the weight of a second loss, on the visible
            patches: the mean error over the square root of the distance to
            the nearest hidden patch, in patches. V-JEPA 2.1 has 0.5. Defaults
            to `0.0`: hidden patches alone are predicted.
        visible_warmup: pair of floats, shares of `steps`: the weight is 0
            before the first, and rises linearly until the second. Defaults to
            `None`: `(1 / 9, 2 / 9)`, those of V-JEPA 2.1.

    Raises:
        ValueError: if an argument is out of its range, `target_gradient` is
            set without `teacher="self"`, or `visible_warmup` without
            `visible_weight`.

    Example:

    >>> objective = VJEPA(momentum=0.9, final_momentum=1.0, steps=100)
    >>> [objective.target_layers(k) for k in range(3)]
    [(1,), (2,), (3,)]
    >>> round(float(objective.momentum_at(50)), 3)
    0.95
    """

    predictor = "transformer"
    default_mask = "multiblock"
    min_visible = 2  # attention needs at least two tokens

    def __init__(
        self,
        teacher="ema",
        momentum=0.998,
        final_momentum=1.0,
        steps=90_000,
        target_layer=None,
        target_gradient=False,
        loss_type="l1",
        normalize_targets=True,
        epsilon=1e-6,
        visible_weight=0.0,
        visible_warmup=None,
    ):
        _check_choice("teacher", teacher, TEACHERS)
        _check_choice("loss_type", loss_type, LOSSES)
        for name, value in (
            ("momentum", momentum),
            ("final_momentum", final_momentum),
        ):
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` is the share of its weights that the teacher "
                    f"keeps, between 0 and 1. Received: {name}={value}."
                )
        if target_layer is not None and not _are_layers(target_layer):
            raise ValueError(
                "`target_layer` is the number of a block, or -1 for the last, "
                "or several such as (2, 4). Received: "
                f"target_layer={target_layer}."
            )
        if isinstance(target_layer, list):  # of a configuration
            target_layer = tuple(target_layer)
        if steps < 1:
            raise ValueError(
                "`steps` must be at least 1 optimizer step. "
                f"Received: steps={steps}."
            )
        if target_gradient and teacher != "self":
            raise ValueError(
                "`target_gradient` needs `teacher='self'`: nothing flows "
                "through a moving average or frozen layers. "
                f"Received: teacher={teacher!r}."
            )
        _check_visible(visible_weight, visible_warmup)
        self.teacher = teacher
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.steps = steps
        self.target_layer = target_layer
        self.target_gradient = target_gradient
        self.loss_type = loss_type
        self.normalize_targets = normalize_targets
        self.epsilon = epsilon
        self.visible_weight = visible_weight
        self.visible_warmup = visible_warmup and tuple(visible_warmup)
        self.predicts_visible = visible_weight > 0

    @property
    def chosen_layers(self):
        if isinstance(self.target_layer, tuple):
            return self.target_layer
        return () if self.target_layer is None else (self.target_layer,)

    def target_layers(self, frozen_layers):
        if self.chosen_layers:
            return self.chosen_layers
        if self.teacher == "fixed":
            return (-1,)
        if self.teacher == "frozen":
            return (frozen_layers,)
        return (frozen_layers + 1,)

    def unfrozen_target_layers(self):
        if self.target_layer is None and self.teacher != "frozen":
            return (-1,)
        return self.target_layers(0)

    def max_latent_targets(self, max_frozen_layers):
        if not isinstance(self.target_layer, tuple):
            return 1
        # One for each layer; a fixed teacher may be deeper than the encoder.
        return max(max_frozen_layers, *self.target_layer)

    def momentum_at(self, step):
        progress = ops.cast(step, "float32") / float(self.steps)
        change = self.final_momentum - self.momentum
        return self.momentum + change * ops.minimum(
            progress, backends.constant(1.0, "float32")
        )

    def compute_targets(self, values, layer):
        if self.normalize_targets:
            return normalize(values, self.epsilon)
        return values

    def undo_targets(self, predictions, values, layer):
        if self.normalize_targets:
            return denormalize(predictions, values)
        return predictions

    def token_error(self, predictions, targets):
        if self.loss_type == "l2":
            return ops.square(predictions - targets)
        error = ops.abs(predictions - targets)
        if self.loss_type == "l1":
            return error
        return ops.where(error < 1.0, 0.5 * ops.square(error), error - 0.5)

    def batch_loss(self, predictions, targets, batch):
        if not self.predicts_visible:
            return super().batch_loss(predictions, targets, batch)
        weight = self.visible_weight * _visible.warmed_up(
            batch.step, self.steps, *(self.visible_warmup or _WARMUP)
        )
        losses = []
        for predicted, wanted, (visible, hidden) in zip(
            predictions, targets, batch.positions, strict=True
        ):
            number = visible.shape[1]
            error = self.loss(
                [x[:, :number] for x in predicted],
                [x[:, :number] for x in wanted],
                batch.step,
                _visible.nearness(visible, hidden),
            )
            loss = self.loss(
                [x[:, number:] for x in predicted],
                [x[:, number:] for x in wanted],
                batch.step,
            )
            losses.append(loss + ops.cast(weight, error.dtype) * error)
        return sum(losses) / len(losses)

    def get_config(self):
        return {
            "teacher": self.teacher,
            "momentum": self.momentum,
            "final_momentum": self.final_momentum,
            "steps": self.steps,
            "target_layer": self.target_layer,
            "target_gradient": self.target_gradient,
            "loss_type": self.loss_type,
            "normalize_targets": self.normalize_targets,
            "epsilon": self.epsilon,
            "visible_weight": self.visible_weight,
            "visible_warmup": self.visible_warmup,
        }


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {list(choices)}. "
            f"Received: {name}={value!r}."
        )


def _check_visible(weight, warmup):
    """Raises unless these are a weight and two shares of a run."""
    if not (isinstance(weight, numbers.Real) and 0 <= weight < math.inf):
        raise ValueError(
            "`visible_weight` is the weight of the loss on visible patches, 0 "
            f"or above. Received: visible_weight={weight!r}."
        )
    if warmup is None:
        return
    if not weight:
        raise ValueError(
            "`visible_warmup` is about the loss on visible patches, and there "
            f"is none. Received: visible_weight={weight}. Leave it out."
        )
    shares = warmup if isinstance(warmup, (tuple, list)) else ()
    if not (
        len(shares) == 2
        and all(isinstance(share, numbers.Real) for share in shares)
        and 0 <= shares[0] <= shares[1]
    ):
        raise ValueError(
            "`visible_warmup` is two shares of the run, such as (0.1, 0.2). "
            f"Received: visible_warmup={warmup!r}."
        )


def _are_layers(value) -> bool:
    """Whether a value is a whole number, or several."""
    several = value if isinstance(value, (tuple, list)) else (value,)
    return bool(several) and all(
        isinstance(number, numbers.Real) and number % 1 == 0
        for number in several
    )
