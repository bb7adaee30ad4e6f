"""The functions that every backend provides, and what each of them does.

A backend is one folder, `layerlock/backends/NAME/`, whose `__init__.py` has
these names:

- `TrainStep`: mixin placed before `keras.Model`. Its training step adds the
  logs that `model.step_logs` computes from the gradients, calls
  `model.after_update()` after the optimizer's update, and records FLOPs,
  memory and compile time for `measure_step`. It runs several steps per
  execution if the model was compiled so, and then sets `model.batch_losses`, a
  tensor with the loss of each step of the latest execution. On TensorFlow it
  is padded with NaN if the end of an epoch cut the execution.
- `linear(x, kernel, bias)`: `x @ kernel + bias` of a matrix `x`.
- `linear_float8(x, kernel, bias)`: the same of 16 bits, where the numbers of
  the product are rounded to float8 (E4M3), and so are those of the products
  for gradients (gradients to E5M2). Each tensor has a scale of its own, which
  brings its largest number to the largest of float8. Sums are float32. A
  backend may multiply in 16 bits where a width is no multiple of 16.
- `gelu(x)`: the exact GELU.
- `layer_normalization(x, gamma, beta, epsilon)`: of the last axis, in float32,
  returned in the precision of `x`.
- `shape(x)`: a tuple of ints, or of tensors where they are not known yet.
- `reshape(x, shape)`: as in NumPy.
- `split(x, sizes, axis)`: parts of `x`, of these sizes along an axis.
- `attention(query, key, value, scale)`: fused softmax attention without a
  mask, of tensors `(batch, tokens, heads, head_dim)`.
- `roll(x, shift)`: features moved along the last axis; those that leave at the
  end come back at the beginning.
- `multiply_add(x, y, z)`: `x + y * z`.
- `shift_right(x, bits)`: the bits of each int32 moved to the right; zeros come
  in at the left. `bits` is an int from 1 to 31.
- `take(x, indices)`: the rows `x[indices]` of a matrix, by integers of at least
  0.
- `take_rows(x, indices)`: the rows `x[b, indices[b]]` of each example `b`, of
  `x` `(batch, rows, dim)` and `indices` `(batch, picked)`.
- `norm(tensors)`: of all of their numbers together, in float32.
- `move_averages(averages, variables, kept)`: assigns `kept * average + (1 -
  kept) * variable` to each of the variables `averages`. `kept` is a scalar.
- `optimizer_steps(optimizer)`: its number of updates, a scalar on the device.
- `call_layer(layer, *tensors, **keywords)`: `layer(*tensors, **keywords)`, for
  a layer that is built, from inside of another layer's `call`. Its outputs have
  one row for each example.
- `without_gradient()`: context in which nothing is kept for a backward pass.
  Its results get no gradient, or are passed through `stop_gradient`.
- `fused(function)`: wraps a function from tensors to a tensor that layers call
  many times per step. A backend with eager steps compiles it if the model was
  compiled with `jit_compile=True`; a backend that compiles whole steps traces
  it once. Positional arguments are tensors, nested or `None`. The others are
  passed by keyword and are hashable.
- `fused_formula(function)`: the same for formulas of an object, such as an
  objective, whose result may depend on the object's state: other objects may
  be positional arguments too, and several tensors may be returned. A backend
  that compiles whole steps returns the function.
- `recomputed(function)`: wraps a function from tensors to a tensor. Only its
  arguments are kept for the backward pass, which computes it again.
  Positional arguments are tensors, nested or `None`. The others are passed by
  keyword.
- `sync_state(model)`: makes `variable.value` current inside `fit`.
- `variable_scope(model)`: context in which variables may be created or their
  `trainable` changed.
- `renew_step(model, frozen_variables)`: called after layers froze. Drops the
  gradient buffers of frozen variables, all compiled functions (also those of
  `compiled`) and all references to layers that a teacher no longer uses
  (`stages.reset`). The next batch runs the new step.
- `compile_ahead(model, config, make_model)`: compiles the step of a later stage
  in the background, under the settings of the calling thread. `config` is the
  model's `get_config` at that stage, and `make_model()` builds a compiled
  model of that stage, of which only the shapes are used; it is called in the
  calling thread. Returns an object with `wait()`, or `None` if the backend
  does not compile ahead. `renew_step` uses the program if it fits.
- `runs_eagerly(model)`: whether Python runs the code of a training step at
  every step, which may then differ from step to step.
- `is_idle(tensor)`: whether the device has done all its work up to `tensor`,
  the loss of the latest batch. Does not wait.
- `default_jit_compile()`: the argument `jit_compile` of `compile` where nobody
  chose one: `True`, `False`, or `"auto"`, by which Keras chooses.
- `cache_programs(folder)`: stores compiled programs in a folder for other
  processes, if the backend supports it.
- `compiled(model, function, example=None)`: `function` without gradients,
  compiled if the backend compiles. Each call reads the present values of the
  model's variables, also after a freeze replaced variables. The function must
  not read other state that a freeze changes, such as the target. After
  `renew_step` it holds no reference to the old stage. `example` is a tuple of
  arguments: with it, compilation may start at once, in the background.
- `global_norm(gradients)`: norm of all gradients together, a float32 scalar.
  Skips `None`.
- `constant(value, dtype)`: a tensor with the same numbers in every step. The
  caller must not change it in place.
- `preserved_random_state()`: context that restores the state from which the
  framework draws without a seed.
- `to_device(clips)`: starts the transfer of a NumPy array to the device, or
  returns the array if Keras transfers it early enough. Reader threads call it.
- `planning_environment(num_devices)`: environment variables of a process that
  sees devices which do not exist, to compile for them; `None` if the backend
  cannot.
- `plan_steps(make_models, clips_shape)`: a `planned.PlannedStep` of each of the
  functions `make_models`, in such a process, for the devices of the
  distribution. Each builds a compiled model, of which only the shapes are used.
- `measure_step(model)`: the `StepCost` of the latest step.
- `tracing(folder)`: context in which the profiler of the framework records what
  host and device do. At its end it writes new files into the folder, which
  TensorBoard or https://ui.perfetto.dev open, and which name the kernels.
- `named_step(number)`: context of one training step, which a trace shows as
  `step` and its number.
- `unsupported(**options)`: the reason why a combination of options cannot run
  on this backend, or `None`. Options are `dtype_policy`, `float8` (a bool),
  `distribution`, `mesh`, `batch_size`, and `num_devices` to plan for.
- `devices()`: names of all devices, those of other processes too.
- `versions()`: name and version of the framework, for `config.json`.

A backend may leave out `default_jit_compile` and the functions of
`keras_ops.py`: Keras provides them.
With eager steps, Keras's overhead per operation is longer than the arithmetic
of a small network, so such a backend defines its own.

Devices and processes. A backend may leave these out, too: those of
`single_process.py` are for one process and one device. Every process runs the
same program on the same global batches: it calls every function of the
contract, in the same order. Process 0 alone writes files.

- `start_processes(coordinator, num_processes, process_id)`: joins the
  processes of the run; called before anything else touches a device. With
  `None`, they are found where the launcher of the backend puts them. Raises a
  `ValueError` that says how to start them. A second call has no effect.
- `process_index()`, `process_count()`: from 0; 1 without `start_processes`.
- `distributed(kind, mesh, axes)`: context in which models are built and
  trained under a distribution, `"none"`, `"data"`, `"fsdp"` or `"model"`.
  `mesh` is a tuple of ints or `None`, see `mesh.sizes`. `axes(path, shape,
  sizes)` is the layout of a weight, see `layerlock.models.sharding.axes`.
- `is_sharded()`: whether weights lie in parts on several devices here.
- `local_rows(batch_size)`: slice of a global batch that this process reads.
  `fit` takes these rows.
- In the step, `global_size(rows)`: rows of the global batch, of the number of
  rows of a tensor here. `own_rows(x)`: the rows of a tensor of the global
  batch that are computed here. `all_rows(x)`: the opposite, without gradients.
  `global_mean(x)`: mean of a scalar over those who compute different rows,
  without gradients. A backend whose step sees the global batch returns `x`.
- `place(model)`: distributes the weights of a compiled model over the devices,
  on backends that do not when they are made. Training does so at the latest.
- `whole(variable)`: the value of a weight of which devices may have parts.
  Layers read their weights by it. `variable.assign` takes such a value, too.
- `stored(variables, cut=())`: a list of the same, as arguments of functions of
  `fused` and `recomputed`, which gather them themselves: for as long as they
  run. They split the last axis of the weights in `cut`, some of them.
- `joins_frozen()`: whether, under `"fsdp"`, every device has all of each frozen
  layer, and every use of another weight gathers it. Otherwise frozen layers
  stay in parts, and a compiler sees all uses of a weight together.
- `sends_sums(distribution, dtype_policy)`: whether devices send the gradients
  of the batches of an optimizer step once, as a sum, and not those of each.
- `agree(flag)`: whether the flag is true in any process.
- `broadcast(value)`: the JSON value that process 0 passes.
- `barrier()`: waits for all processes. These three, and a training step, raise
  `ProcessLost` if another process ended.
- `lost(error)`: the `ProcessLost` that an exception means, if the end of
  another process has caused it; otherwise `None`.
- `abandon()`: called before this process ends alone, because of an error: its
  end does not wait for the others, which then learn that it has gone. Then
  `barrier` has no effect.
- `gathered(layer)`: context in which `variable.numpy()`, and what saves the
  variables of the layer, read the whole weights in process 0. The others take
  part, and keep nothing. Code inside may differ from process to process.

Weights in parts, for checkpoints; called only if `is_sharded()`:

- `save_shards(folder, variables)`: copies the parts of the variables, a dict
  by name, that this process holds, and starts to write them into an empty
  folder that all processes share. Returns an object with `wait()`, which
  returns when the parts of all processes are on the disk, and raises what
  kept them from it.
- `load_shards(folder, variables, is_part=False)`: assigns what `save_shards`
  wrote, under another layout or number of processes too; all of it, or a part.

To add a backend, add its folder here and its line in `backends/__init__.py`.
"""

import dataclasses
import math

import numpy as np

NAMES = (
    "TrainStep",
    "linear",
    "linear_float8",
    "gelu",
    "layer_normalization",
    "shape",
    "reshape",
    "split",
    "attention",
    "roll",
    "multiply_add",
    "shift_right",
    "take",
    "take_rows",
    "norm",
    "move_averages",
    "optimizer_steps",
    "call_layer",
    "without_gradient",
    "fused",
    "fused_formula",
    "recomputed",
    "sync_state",
    "variable_scope",
    "renew_step",
    "compile_ahead",
    "planning_environment",
    "plan_steps",
    "runs_eagerly",
    "is_idle",
    "default_jit_compile",
    "cache_programs",
    "compiled",
    "global_norm",
    "constant",
    "preserved_random_state",
    "to_device",
    "measure_step",
    "tracing",
    "named_step",
    "unsupported",
    "devices",
    "versions",
    "start_processes",
    "process_index",
    "process_count",
    "distributed",
    "is_sharded",
    "local_rows",
    "global_size",
    "own_rows",
    "all_rows",
    "global_mean",
    "joins_frozen",
    "sends_sums",
    "agree",
    "broadcast",
    "barrier",
    "place",
    "whole",
    "stored",
    "lost",
    "abandon",
    "gathered",
    "save_shards",
    "load_shards",
)


@dataclasses.dataclass(frozen=True)
class StepCost:
    """Cost of one training step, as far as the backend measures it.

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


class ProcessLost(RuntimeError):
    """Another process of the run ended, or no longer answers."""

    def __init__(self):
        super().__init__(
            "Another process of the run has ended or no longer answers, and "
            "this one cannot go on without it. The messages of that process "
            "say why. Start all of them again with `resume`."
        )


def variable_bytes(variables) -> int:
    """Bytes that `variables` hold on the device."""
    return sum(
        math.prod(variable.shape) * np.dtype(variable.dtype).itemsize
        for variable in variables
    )
