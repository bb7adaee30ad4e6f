"""Rebuilds a Keras optimizer in place for another list of variables.

Keras has no public way to do so. A new optimizer would leave the old slots in
memory, because `compile` keeps a reference to the original object. Only this
file, `layerwise.py` and `torch/fused_adam.py` use private attributes of
optimizers.
"""

import contextlib

import keras
from keras import ops

# Bookkeeping of the base class, rebuilt by `build` rather than carried over.
_BOOKKEEPING = {"_variables", "_trainable_variables"}
_MOVING_AVERAGE = "_model_variables_moving_average"


def check_optimizer(optimizer):
    """Raises if the state of an optimizer cannot be carried over exactly.

    Args:
        optimizer: A built `keras.Optimizer`.

    Raises:
        ValueError: if the optimizer splits its variables between several
            optimizers, holds a variable that is neither a list with one
            entry per model variable nor a single value, or is an Adam whose
            settings are rounded to 1 in the precision of the weights.
    """
    for part in _parts(optimizer):
        _check_precision(part)
        slots, scalars = _state(part)
        known = {id(part._iterations)}
        known |= {id(value) for value in scalars.values()}
        for values in slots.values():
            known |= {id(value) for value in values if value is not None}
        unknown = [
            v.path
            for v in part._variables
            if id(v) not in known and v is not part._learning_rate
        ]
        if unknown:
            raise ValueError(
                "Layers can only be frozen under an optimizer whose state is "
                "known: one value per model variable, or single values. "
                f"Received: {type(part).__name__} with other state "
                f"{unknown}. Use an optimizer of keras.optimizers, or keep "
                "its state in attributes that are lists, one entry per "
                "variable."
            )


def rebuild_optimizer(optimizer, variables, fresh=()):
    """Makes `optimizer` hold state for `variables` only, carrying it over.

    The optimizer object stays the same. State of a variable that it already
    held is carried over exactly. The state of a new variable starts as in a
    new optimizer, and its moving average at its present value.

    Args:
        optimizer: A built `keras.Optimizer`, or a `LossScaleOptimizer`.
        variables: list of `keras.Variable`, the ones to train from now on.
        fresh: variables whose state is reset, because they were
            re-initialised. Defaults to none.

    Raises:
        ValueError: see `check_optimizer`.
        Exception: whatever its `build` raises. In both cases the optimizer is
            unchanged.
    """
    check_optimizer(optimizer)
    parts = _parts(optimizer)
    snapshots = [_snapshot(part) for part in parts]
    with _restored_on_error(parts):
        _build(optimizer, parts, variables)
    for part, snapshot in zip(parts, snapshots, strict=True):
        _restore(part, snapshot, {id(variable) for variable in fresh})


def check_rebuild(optimizer, variables):
    """Raises what `rebuild_optimizer` would raise; changes nothing.

    Args:
        optimizer: A built `keras.Optimizer`, or a `LossScaleOptimizer`.
        variables: list of `keras.Variable`.
    """
    check_optimizer(optimizer)
    parts = _parts(optimizer)
    before = _attributes(parts)
    try:
        _build(optimizer, parts, variables)
    finally:
        _set_attributes(parts, before)


def slots(optimizer):
    """Yields pairs of a trained variable and one of its slots.

    Args:
        optimizer: A `keras.Optimizer`, built or not.
    """
    for part in _parts(optimizer):
        if part.built:
            for values in _state(part)[0].values():
                pairs = zip(part._trainable_variables, values, strict=True)
                yield from (pair for pair in pairs if pair[1] is not None)


def of_step(optimizer, gradients, variables, loss_scale=1.0):
    """Mean gradients of the batches of a step, those up to this one.

    At the last batch of a step, the update applies them.

    Args:
        optimizer: a `keras.Optimizer`, or a `LossScaleOptimizer`.
        gradients: list of tensors or `None`, of a batch.
        variables: list of `keras.Variable`, one for each gradient.
        loss_scale: scalar, by which `gradients` are too large, and the result.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    batches = inner.gradient_accumulation_steps or 1
    if batches == 1:
        return gradients
    return [
        None
        if gradient is None
        else (gradient + _in(gradient.dtype, loss_scale) * earlier) / batches
        for gradient, earlier in zip(
            gradients, accumulators(inner, variables), strict=True
        )
    ]


def _in(dtype, scalar):
    """A scalar in a precision; numbers of Python have none."""
    return scalar if isinstance(scalar, float) else ops.cast(scalar, dtype)


def accumulators(optimizer, variables) -> list:
    """The sums of the gradients of earlier batches; zeros before the first.

    Args:
        optimizer: a `keras.Optimizer` that accumulates gradients.
        variables: list of `keras.Variable`.
    """
    if not optimizer.built:
        return [0.0] * len(variables)
    sums = optimizer._accumulated_gradients
    return [sums[optimizer._get_variable_index(v)].value for v in variables]


def maker(optimizer):
    """Returns a function that makes a fresh optimizer of the same settings.

    The settings are read at once. The function takes no arguments and does
    not read the original, so another thread may call it.

    Args:
        optimizer: A `keras.Optimizer`, or a `LossScaleOptimizer`.

    Raises:
        ValueError: if single variables are excluded from weight decay: a new
            optimizer has other variables.
    """
    parts = _parts(optimizer)
    if any(getattr(part, "_exclude_from_weight_decay", ()) for part in parts):
        raise ValueError(
            "Variables are excluded from weight decay one by one. Exclude "
            "them by name: `exclude_from_weight_decay(var_names=[...])`."
        )
    kind, config = type(optimizer), optimizer.get_config()
    # Not part of `get_config`.
    pattern = "_exclude_from_weight_decay_pattern"
    patterns = [getattr(part, pattern, None) for part in parts]

    def make():
        fresh = kind.from_config(dict(config))
        for part, excluded in zip(_parts(fresh), patterns, strict=True):
            setattr(part, pattern, excluded)
        return fresh

    return make


def _parts(optimizer) -> list:
    inner = getattr(optimizer, "inner_optimizer", None)
    if hasattr(optimizer, "_inner_optimizers"):
        raise ValueError(
            "Layers cannot be frozen under an optimizer that splits its "
            f"variables. Received: {type(optimizer).__name__}. Use one of "
            "its optimizers for the whole model."
        )
    return [optimizer] if inner is None else [optimizer, *_parts(inner)]


def _check_precision(part):
    """Raises if Adam's bias correction would make every update 0."""
    if not isinstance(part, keras.optimizers.Adam):
        return
    for dtype in {v.dtype for v in part._trainable_variables}:
        if float(ops.cast(ops.cast(part.beta_2, dtype), "float32")) < 1.0:
            continue
        raise ValueError(
            f"{type(part).__name__} does not change {dtype} weights with "
            f"beta_2={part.beta_2}, which is 1 in {dtype}. Use the dtype "
            "policy 'mixed_bfloat16' or 'mixed_float16', whose weights are "
            "float32, or a smaller `beta_2`."
        )


def _state(part) -> tuple[dict, dict]:
    """Finds the slots (lists, one entry per variable) and single values."""
    slots, scalars = {}, {}
    num_variables = len(part._trainable_variables)
    for name, value in vars(part).items():
        if name in _BOOKKEEPING or name in ("_iterations", "_learning_rate"):
            continue
        if isinstance(value, keras.Variable):
            scalars[name] = value
        elif isinstance(value, list) and len(value) == num_variables:
            if all(v is None or isinstance(v, keras.Variable) for v in value):
                slots[name] = list(value)
    return slots, scalars


def _snapshot(part) -> tuple:
    slots, scalars = _state(part)
    return [id(v) for v in part._trainable_variables], slots, scalars


def _clear(part):
    kept = (part._iterations, part._learning_rate)
    for variable in list(part._variables):
        if not any(variable is other for other in kept):
            part._untrack_variable(variable)
    part._trainable_variables_indices = {}
    part.built = False


def _build(optimizer, parts, variables):
    for part in parts:
        _clear(part)
    with keras.name_scope(optimizer.name):
        optimizer.build(list(variables))


@contextlib.contextmanager
def _restored_on_error(parts):
    before = _attributes(parts)
    try:
        yield
    except BaseException:
        _set_attributes(parts, before)
        raise


def _attributes(parts) -> list[tuple]:
    return [(dict(vars(part)), list(part._variables)) for part in parts]


def _set_attributes(parts, before):
    """Sets all attributes of optimizers as they were."""
    for part, (attributes, variables) in zip(parts, before, strict=True):
        for variable in list(part._variables):
            part._untrack_variable(variable)
        for variable in variables:
            part._track_variable(variable)
        vars(part).clear()
        vars(part).update(attributes)


def _restore(part, snapshot, fresh):
    owners, slots, scalars = snapshot
    position = {
        owner: i for i, owner in enumerate(owners) if owner not in fresh
    }
    new_slots, new_scalars = _state(part)
    for name, variable in new_scalars.items():
        if name in scalars:
            variable.assign(scalars[name].value)
    for name, values in new_slots.items():
        for owner, value in zip(part._trainable_variables, values, strict=True):
            if value is None:
                continue
            if id(owner) in position:
                value.assign(slots[name][position[id(owner)]].value)
            elif name == _MOVING_AVERAGE:
                # A copy: JAX donates each buffer once.
                value.assign(ops.copy(owner.value))
