"""What a backend must provide. One package per backend fulfils it.

A backend is one folder, `layerlock/backends/NAME/`, whose `__init__.py` has
these names:

- `TrainStep`: mixin placed before `keras.Model`. One training step that also
  logs what `model.step_logs` makes of the gradients, calls
  `model.after_update()` once the optimizer is through, and keeps the books
  that tell what a step costs.
- `linear(x, kernel, bias)`: `x @ kernel + bias` of a matrix `x`.
- `gelu(x)`: the exact GELU.
- `layer_normalization(x, gamma, beta, epsilon)`: of the last axis, in float32,
  returned in the precision of `x`.
- `reshape(x, shape)`: as in NumPy.
- `split(x, sizes, axis)`: parts of `x`, of these sizes along an axis.
- `attention(query, key, value, scale)`: fused softmax attention without a
  mask, of tensors `(batch, tokens, heads, head_dim)`.
- `call_layer(layer, *tensors)`: `layer(*tensors)`, for a layer that is built,
  from inside of another layer's `call`.
- `fused(function)`: `function`, from tensors to a tensor, that layers call many
  times a step; compiled by itself where steps run eagerly and the model was
  compiled with `jit_compile=True`, traced once where tracing takes time.
  Positional arguments are tensors, nested or `None`; the others have keywords
  and can be hashed.
- `recomputed(function)`: `function`, from tensors to a tensor, of which nothing
  but the arguments is kept for the backward pass, which computes it again.
  Positional arguments are tensors, nested or `None`; the others have keywords.
- `sync_state(model)`: makes `variable.value` current inside `fit`.
- `variable_scope(model)`: context in which variables may be created or their
  `trainable` changed.
- `renew_step(model, frozen_variables)`: after layers froze, drops buffers of
  frozen variables, every compiled function, those of `compiled` too, and what
  else keeps layers that a teacher gave up (`stages.reset`), so that the next
  batch runs the new step.
- `compile_ahead(model, config, make_model)`: begins to compile the step of the
  stage whose `get_config` is `config`, beside the steps that run, and returns
  what can be waited for (`wait()`), or `None` where nothing is compiled ahead.
  `make_model()` builds a compiled model of that stage; its values are not
  asked for. `renew_step` uses what was compiled if it fits.
- `cache_programs(folder)`: keeps compiled programs in a folder, where the
  backend can, so that another process need not compile them again.
- `compiled(model, function, example=None)`: `function` without gradients,
  compiled where the backend compiles. It reads the model's variables as they
  are at each call, those too that a freeze gave it in place of others, and is
  to ask the model for nothing else that a freeze changes, such as the target.
  After `renew_step` it holds nothing of the old stage. With `example`, a tuple
  of arguments, compiling may begin at once, beside what else runs.
- `global_norm(gradients)`: norm of all gradients together, a float32 scalar;
  `None` among them is left out.
- `constant(value, dtype)`: a tensor of numbers that are the same in every step,
  which nobody may change in place.
- `set_random_seed(seed)`: seeds Python, NumPy and the framework, of which
  initializers and dropout draw, and imports no other framework.
- `to_device(clips)`: a NumPy array on its way to the device before a step asks
  for it, or as it is where Keras sees to that. Threads that read clips call it.
- `measure_step(model)`: a `StepCost` of the step that ran last.
- `unsupported(**options)`: why a combination of options cannot run here, or
  `None`.
- `devices()`: names of the devices, for the record.
- `versions()`: name and version of the framework, for the record.

Those of `keras_ops.py` may be missing: Keras has them. Where steps run eagerly,
what Keras does around an operation takes longer than the arithmetic of a small
network.

To add a backend, add its folder here and its line in `backends/__init__.py`.
"""

import dataclasses
import math

import numpy as np

NAMES = (
    "TrainStep",
    "linear",
    "gelu",
    "layer_normalization",
    "reshape",
    "split",
    "attention",
    "call_layer",
    "fused",
    "recomputed",
    "sync_state",
    "variable_scope",
    "renew_step",
    "compile_ahead",
    "cache_programs",
    "compiled",
    "global_norm",
    "constant",
    "set_random_seed",
    "to_device",
    "measure_step",
    "unsupported",
    "devices",
    "versions",
)


@dataclasses.dataclass(frozen=True)
class StepCost:
    """What one training step costs, as far as the backend can tell.

    Args:
        flops: float or `None`. Floating point operations of the compiled
            step.
        activation_bytes: int or `None`. Memory the step needs beyond its
            inputs and outputs: residuals kept for the backward pass and
            scratch space.
        peak_bytes: int or `None`. Highest memory use of the step, weights and
            optimizer included.
        compile_seconds: float. Time spent on tracing and compiling the step;
            0 where nothing is compiled ahead of the first run.
    """

    flops: float | None = None
    activation_bytes: int | None = None
    peak_bytes: int | None = None
    compile_seconds: float = 0.0


def variable_bytes(variables) -> int:
    """Bytes that `variables` hold on the device."""
    return sum(
        math.prod(variable.shape) * np.dtype(variable.dtype).itemsize
        for variable in variables
    )


def refuse_distribution(distribution) -> str | None:
    """What `unsupported` says on backends that train on one device."""
    if distribution in (None, "none"):
        return None
    return (
        f"distribution={distribution} runs on JAX only for now. Use "
        "KERAS_BACKEND=jax or --distribution=none."
    )
