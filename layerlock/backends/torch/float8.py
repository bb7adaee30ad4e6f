"""Linear maps whose matrix products are of float8 numbers."""

import torch
from torch.nn import functional

from layerlock.backends.float8 import LEAST
from layerlock.backends.torch.operations import linear

# More digits for values, more range for gradients.
VALUES, GRADIENTS = torch.float8_e4m3fn, torch.float8_e5m2
MULTIPLE = 16  # of rows and columns, for the kernels of a GPU
_SCALING = functional.ScalingType.TensorWise


def linear_float8(x, kernel, bias):
    """See the contract."""
    if any(size % MULTIPLE for size in kernel.shape):
        return linear(x, kernel, bias)
    return _Product.apply(x, kernel) + bias


def capability():
    """That of the GPU, or `None` without one."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability()
    return None


class _Product(torch.autograd.Function):
    """`x @ kernel` of float8 numbers, and so are the products of gradients."""

    @staticmethod
    def forward(ctx, x, kernel):
        rounded, scale = _rounded(x, VALUES)
        x_needed, kernel_needed = ctx.needs_input_grad
        # Not the rounded kernel: devices may gather the kernel again.
        ctx.save_for_backward(
            *((rounded, scale) if kernel_needed else (None, None)),
            kernel if x_needed else None,
        )
        return _multiplied((rounded, scale), _rounded(kernel, VALUES), x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        x, scale_of_x, kernel = ctx.saved_tensors
        dtype = gradient.dtype
        gradient, scale = _rounded(gradient, GRADIENTS)
        of_x = of_kernel = None
        if kernel is not None:
            kernel, scale_of_kernel = _rounded(kernel, VALUES, after=scale)
            transposed = kernel.t(), scale_of_kernel
            of_x = _multiplied((gradient, scale), transposed, dtype)
        if x is not None:
            left = _with_zeros(x).t(), scale_of_x
            of_kernel = _multiplied(left, (_with_zeros(gradient), scale), dtype)
        return of_x, of_kernel


def _rounded(x, dtype, after=None):
    """Float8 numbers, and the float32 scale to multiply them by.

    With a scalar `after`, a compiler cannot round before it knows that number:
    it would keep what it rounded in the forward pass.
    """
    largest = x.abs().amax().to(torch.float32)
    scale = largest.clamp(min=LEAST) / torch.finfo(dtype).max
    if after is not None:
        scale = scale + 0.0 * after
    return (x.to(torch.float32) / scale).to(dtype), scale


def _multiplied(x, y, dtype):
    """The product of two results of `_rounded`."""
    (x, scale_of_x), (y, scale_of_y) = x, y
    return functional.scaled_mm(
        x.contiguous(),
        y.t().contiguous().t(),  # columns are together in memory
        scale_of_x,
        _SCALING,
        scale_of_y,
        _SCALING,
        output_dtype=dtype,
    )


def _with_zeros(x):
    """A matrix with rows of zeros, so many that a GPU can sum over rows."""
    missing = -len(x) % MULTIPLE
    if not missing:
        return x
    # Zeros have the same bits in float8, which PyTorch cannot pad.
    bits = functional.pad(x.view(torch.uint8), (0, 0, 0, missing))
    return bits.view(x.dtype)
