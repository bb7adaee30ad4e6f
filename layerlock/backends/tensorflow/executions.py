"""Several training steps per execution, with the loss of each."""

import tensorflow as tf


def train_function(model):
    """Keras's function of several steps; sets `model.batch_losses`.

    Keras returns the logs of the last step only.

    Args:
        model: a compiled `keras.Model` with `batch_loss` in its logs.
    """
    count = model.steps_per_execution
    arguments = {
        "trainable": False,
        "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
    }
    with model.distribute_strategy.scope():
        losses = tf.Variable(tf.zeros((count,)), **arguments)
        position = tf.Variable(tf.zeros((), "int64"), **arguments)
    # An execution has fewer steps at the end of an epoch.
    none = tf.fill((count,), float("nan"))

    def step(data):
        logs = model.train_step(data)
        losses.assign(
            tf.tensor_scatter_nd_update(
                losses, [[position]], [tf.cast(logs["batch_loss"], "float32")]
            )
        )
        position.assign_add(1)
        return logs

    run = model._make_function(step)

    def run_steps(iterator):
        losses.assign(none)
        position.assign(0)
        logs = run(iterator)
        # Keras checks what is assigned, which takes time.
        object.__setattr__(model, "batch_losses", tf.identity(losses))
        return logs

    return run_steps
