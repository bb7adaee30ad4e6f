"""Operations of the contract in `keras.ops`, the default of every backend.

They suit backends that compile the whole step.
"""

import contextlib
import itertools

import keras


def default_jit_compile():
    return "auto"


def fused_formula(function):
    return function


def linear(x, kernel, bias):
    return keras.ops.add(keras.ops.matmul(x, kernel), bias)


def linear_float8(x, kernel, bias):
    raise NotImplementedError(
        "Matrix products in float8 run on JAX and PyTorch. Received: "
        f"KERAS_BACKEND={keras.backend.backend()}. Use `mixed_bfloat16`."
    )


def gelu(x):
    return keras.ops.gelu(x, approximate=False)


def layer_normalization(x, gamma, beta, epsilon):
    return keras.ops.layer_normalization(
        x, gamma, beta, axis=-1, epsilon=epsilon
    )


def shape(x):
    return keras.ops.shape(x)


def reshape(x, shape):
    return keras.ops.reshape(x, shape)


def split(x, sizes, axis):
    ends = list(itertools.accumulate(sizes[:-1]))
    return keras.ops.split(x, ends, axis=axis)


def attention(query, key, value, scale):
    return keras.ops.dot_product_attention(query, key, value, scale=scale)


def roll(x, shift):
    return keras.ops.roll(x, shift, axis=-1)


def multiply_add(x, y, z):
    return x + y * z


def shift_right(x, bits):
    # Of an int32, the operation repeats the sign: the mask removes it.
    return keras.ops.bitwise_right_shift(x, bits) & ((1 << (32 - bits)) - 1)


def take(x, indices):
    return keras.ops.take(x, indices, axis=0)


def take_rows(x, indices):
    # Whole rows of the flattened batch: faster than a gather of single values.
    ops = keras.ops
    num_rows, dim = x.shape[1:]
    example = ops.arange(ops.shape(indices)[0], dtype="int32")
    rows = ops.reshape(x, (-1, dim))
    return take(rows, indices + example[:, None] * num_rows)


def call_layer(layer, *tensors, **keywords):
    return layer(*tensors, **keywords)


def without_gradient():
    # A compiled step computes and keeps only what a gradient needs.
    return contextlib.nullcontext()


def constant(value, dtype):
    return keras.ops.convert_to_tensor(value, dtype=dtype)


def preserved_random_state():
    # JAX has no such state, and Keras does not use TensorFlow's.
    return contextlib.nullcontext()


def to_device(clips):
    # Keras transfers batches in time: on JAX while the previous one trains, on
    # TensorFlow with a prefetching `tf.data.Dataset`.
    return clips


def norm(tensors):
    squares = [
        keras.ops.sum(keras.ops.square(keras.ops.cast(x, "float32")))
        for x in tensors
    ]
    return keras.ops.sqrt(sum(squares))


def move_averages(averages, variables, kept):
    for average, variable in zip(averages, variables, strict=True):
        share = keras.ops.cast(kept, average.dtype)
        if variable.dtype != average.dtype:
            variable = keras.ops.cast(variable, average.dtype)
        average.assign(share * average + (1 - share) * variable)


def optimizer_steps(optimizer):
    return optimizer.iterations
