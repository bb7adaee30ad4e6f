"""What compiled float8 products keep for the backward pass."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch's", allow_module_level=True)

import torch

from layerlock.backends import torch as backend
from layerlock.backends.torch import float8


def arguments(rows=32, inputs=64, outputs=128):
    return [
        torch.randn(shape).to(torch.bfloat16).requires_grad_()
        for shape in ((rows, inputs), (inputs, outputs), (outputs,))
    ]


def test_widths_that_are_no_multiple_of_16_stay_in_bfloat16():
    values = arguments(inputs=40)

    assert torch.equal(float8.linear_float8(*values), backend.linear(*values))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # The compiler has several warnings.
def test_a_compiled_product_keeps_the_kernel_and_no_copy_of_it():
    x, kernel, bias = arguments()
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    compiled = torch.compile(
        lambda *values: float8.linear_float8(*values), dynamic=False
    )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
        output = compiled(x, kernel, bias)
    output.sum().backward()

    own = [one for one in kept if one.numel() == kernel.numel()]
    assert {one.untyped_storage().data_ptr() for one in own} == {
        kernel.untyped_storage().data_ptr()
    }
    expected = kernel.grad.clone()
    kernel.grad = None
    float8.linear_float8(x, kernel, bias).sum().backward()
    assert torch.allclose(kernel.grad, expected, rtol=2e-2, atol=2e-2)
