"""Several training steps as one program."""

import dataclasses

import jax
import jax.numpy as jnp

from layerlock.backends import keras_internals


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Stacked:
    """Batches of several steps.

    Args:
        batches: a batch, each array with the steps as its first axis.
    """

    batches: object


def take(iterator, steps: int, is_one_batch: bool = False):
    """The data of one execution.

    Args:
        iterator: of batches. Keras 3.16 stacks those of `fit`, and gives the
            last ones of an epoch as a list, or as a shorter stack.
        steps: int, steps per execution.
        is_one_batch: bool, whether the iterator has one batch, that of
            `train_on_batch`, which is not stacked. Defaults to `False`.

    Returns:
        A batch for one step, otherwise `Stacked` or a list of batches.
    """
    first = next(iterator)
    if steps == 1:
        return first
    if keras_internals.scans_steps() and not is_one_batch:
        return list(first) if isinstance(first, list) else Stacked(first)
    batches = [first]
    for _ in range(steps - 1):
        try:
            batches.append(next(iterator))
        except StopIteration:  # the end of an epoch
            break
    return batches


def run(train_step, state, data):
    """Runs the steps of an execution as one loop of the compiler.

    Args:
        train_step: function of state and batch that returns logs and state.
        state: of the first step.
        data: see `take`.

    Returns:
        The logs of the last step, and the state. With several steps per
        execution, the logs have `batch_losses`, a vector.
    """
    if isinstance(data, list):
        data = Stacked(jax.tree.map(lambda *x: jnp.stack(x), *data))
    if not isinstance(data, Stacked):
        return train_step(state, data)

    def step(state, batch):
        logs, state = train_step(state, batch)
        return state, logs

    state, logs = jax.lax.scan(step, state, data.batches)
    last = {name: values[-1] for name, values in logs.items()}
    return {**last, "batch_losses": logs["batch_loss"]}, state


def run_eagerly(train_step, state, data):
    """The same as `run`, a step at a time."""
    if isinstance(data, Stacked):
        count = len(jax.tree.leaves(data.batches)[0])
        data = [
            jax.tree.map(lambda x, i=i: x[i], data.batches)
            for i in range(count)
        ]
    if not isinstance(data, list):
        return train_step(state, data)
    losses = []
    for batch in data:
        logs, state = train_step(state, batch)
        losses.append(logs["batch_loss"])
    return {**logs, "batch_losses": jnp.stack(losses)}, state
