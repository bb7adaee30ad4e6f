"""The most frequent operations of a block, without the overhead of Keras.

Steps run eagerly: Keras's overhead per operation takes longer than the
arithmetic of a small network.
"""

import keras
import torch
from torch.nn import functional

from layerlock.backends import keras_internals, keras_ops
from layerlock.backends.torch.distribution import active
from layerlock.backends.torch.values import values


def linear(x, kernel, bias):
    # One pass fewer over the result than a product and a sum.
    return torch.addmm(bias, x, kernel)


def gelu(x):
    return functional.gelu(x)


def layer_normalization(x, gamma, beta, epsilon):
    dtype, width = x.dtype, x.shape[-1:]
    if dtype != torch.float32 or gamma.dtype != torch.float32:
        x, gamma, beta = [one.to(torch.float32) for one in (x, gamma, beta)]
    return functional.layer_norm(x, width, gamma, beta, epsilon).to(dtype)


def shape(x):
    return tuple(x.shape)


def reshape(x, shape):
    return x.reshape(shape)


def split(x, sizes, axis):
    return x.split(sizes, dim=axis)


def attention(query, key, value, scale):
    # On a CPU and in float32, Keras copies query, key and value first: 6 % more
    # memory and 2 % more time per step.
    heads_first = [x.transpose(1, 2) for x in (query, key, value)]
    attended = functional.scaled_dot_product_attention(
        *heads_first, scale=scale
    )
    return attended.transpose(1, 2)


def roll(x, shift):
    return x.roll(shift, dims=-1)


def multiply_add(x, y, z):
    # One pass over the result, and one tensor, fewer than product and sum.
    return torch.addcmul(x, y, z)


def shift_right(x, bits):
    return (x >> bits) & ((1 << (32 - bits)) - 1)


def take(x, indices):
    return functional.embedding(indices, x)


def take_rows(x, indices):
    batch, num_rows, dim = x.shape
    first = torch.arange(
        0, batch * num_rows, num_rows, dtype=torch.int32, device=x.device
    )
    return take(x.reshape(-1, dim), indices + first[:, None])


def norm(tensors):
    norms = torch._foreach_norm([x.to(torch.float32) for x in tensors])
    return torch.linalg.vector_norm(torch.stack(norms))


def without_gradient():
    return torch.no_grad()


def call_layer(layer, *tensors, **keywords):
    needs_keras = not layer.built or layer._call_has_training_arg
    if (
        needs_keras
        or is_watched(layer)
        or not _has_precision(layer, tensors[0])
    ):
        return layer(*tensors, **keywords)
    return layer.call(*tensors, **keywords)


def is_watched(layer) -> bool:
    """Whether a call of a layer runs hooks of PyTorch."""
    own = layer._forward_hooks, layer._forward_pre_hooks
    own += layer._backward_hooks, layer._backward_pre_hooks
    return any(own) or torch.nn.modules.module._has_any_global_hook()


def _has_precision(layer, tensor) -> bool:
    """Whether Keras would compute as it does now, and not cast the tensor."""
    if not torch.is_tensor(tensor):
        return False
    policy = layer.dtype_policy
    dtype = policy.compute_dtype
    if keras.backend.standardize_dtype(tensor.dtype) != dtype:
        return False
    return (keras_internals.autocast_dtype() or policy.variable_dtype) == dtype


@torch.no_grad()
def move_averages(averages, variables, kept):
    own, learnt = values(averages), values(variables)
    same = all(x.dtype == y.dtype for x, y in zip(own, learnt, strict=True))
    if active.is_sharded() or not same or not torch.is_tensor(kept):
        keras_ops.move_averages(averages, variables, kept)
        return
    torch._foreach_mul_(own, kept)
    torch._foreach_add_(own, torch._foreach_mul(learnt, 1 - kept))
