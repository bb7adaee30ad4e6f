"""Adam and AdamW of Keras on PyTorch, their update in one fused kernel.

Keras updates in a dozen passes over all weights, and keeps three copies of
them meanwhile. The fused kernel takes a fifth of the time and no copy.
"""

import functools

import keras
import torch
from torch.optim.adam import adam

# Keras corrects the bias of the moments in the learning rate and the kernel
# does in the moments, where it would weigh epsilon otherwise: at this step
# nothing is left to correct. Adding 1 to it in float32 changes nothing.
_LATE = 1e9


def fuse(optimizer):
    """Lets an optimizer update with the fused kernel, where there is one.

    Its state, its settings and what it computes stay the same, but for
    rounding. Other optimizers, subclasses too, are left as they are.

    Args:
        optimizer: a `keras.Optimizer`, or a `LossScaleOptimizer`.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if type(optimizer) in _known() and not optimizer.amsgrad:
        # Keras has no public place for another update.
        optimizer._parallel_update_step = functools.partial(_update, optimizer)
        if (optimizer.global_clipnorm or 0) > 0 and not optimizer.clipnorm:
            optimizer._clip_gradients = functools.partial(_clip, optimizer)


@functools.cache
def _known():
    # Keras makes them of classes of its own for PyTorch.
    return type(keras.optimizers.Adam()), type(keras.optimizers.AdamW())


def _update(optimizer, gradients, variables, learning_rate):
    step = keras.ops.convert_to_tensor(optimizer.iterations) + 1
    first = 1 - optimizer.beta_1**step
    second = 1 - optimizer.beta_2**step
    indices = [optimizer._get_variable_index(v) for v in variables]
    weights = [variable.value for variable in variables]
    rate = keras.ops.convert_to_tensor(learning_rate)
    adam(
        weights,
        [
            gradient.contiguous() if weight.is_contiguous() else gradient
            for gradient, weight in zip(gradients, weights, strict=True)
        ],
        [optimizer._momentums[index].value for index in indices],
        [optimizer._velocities[index].value for index in indices],
        [],
        [torch.full((), _LATE, device=step.device)] * len(weights),
        fused=True,
        amsgrad=False,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        lr=rate * second.sqrt() / first,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        maximize=False,
    )


def _clip(optimizer, gradients):
    """As Keras clips by the norm of all gradients, in place, in a few calls."""
    largest = optimizer.global_clipnorm
    known = [gradient for gradient in gradients if gradient is not None]
    norm = torch.nn.utils.get_total_norm(known)
    scale = torch.clamp(largest / norm, max=1.0)
    scale = scale + (norm - norm)  # NaN, if the norm is not finite
    torch._foreach_mul_(known, scale)
    return gradients
