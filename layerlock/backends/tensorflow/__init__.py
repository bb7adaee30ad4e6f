"""TensorFlow: the step is a traced function, held by the model."""

import keras
import tensorflow as tf

from layerlock.backends import optimizer as optimizers, stages
from layerlock.backends.contract import StepCost
from layerlock.backends.tensorflow import distribution, executions
from layerlock.backends.tensorflow.distribution import (
    all_rows as all_rows,
    devices as devices,
    distributed as distributed,
    global_mean as global_mean,
    global_size as global_size,
    own_rows as own_rows,
    refuse,
)
from layerlock.backends.tensorflow.tracing import (
    named_step as named_step,
    tracing as tracing,
)


class TrainStep:
    """`train_step` with the gradient's norm in its logs."""

    has_run = False

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy, Keras would take batches of the data for it, which
        # a generator has only once. The model is built already.
        optimizer = self.optimizer
        spread = self.distribute_strategy.num_replicas_in_sync > 1
        if spread and optimizer is not None and not optimizer.built:
            with variable_scope(self):
                optimizer.build(self.trainable_variables)

    def make_train_function(self, force=False):
        if self.distribute_strategy.num_replicas_in_sync > 1:
            self.jit_compile = False  # A program of XLA runs on one device.
        if self.steps_per_execution == 1:
            super().make_train_function(force)
        elif self.train_function is None or force:
            self.train_function = executions.train_function(self)

    def train_step(self, data):
        self.has_run = True  # or is about to
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self._compute_loss(
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=True,
            )
            scaled_loss = self.optimizer.scale_loss(loss)
        loss = global_mean(loss)
        # Keras has no public way to update its loss tracker in a custom step.
        self._loss_tracker.update_state(
            loss, sample_weight=tf.shape(keras.tree.flatten(x)[0])[0]
        )
        variables = self.trainable_weights
        gradients = tape.gradient(scaled_loss, variables)
        gradients = distribution.mean_gradients(gradients)
        loss_scale = self.optimizer.scale_loss(tf.ones(()))
        means = optimizers.of_step(
            self.optimizer, gradients, variables, loss_scale
        )
        logs = self.step_logs(loss, outputs, means, loss_scale)
        distribution.update(self, gradients, variables)
        return {
            **self.compute_metrics(x, y, outputs, sample_weight=sample_weight),
            **logs,
        }


def fused(function):
    return function  # The whole step is compiled.


def recomputed(function):
    def call(*arguments, **keywords):
        # `tf.recompute_grad` needs a flat list of arguments, and counts the
        # gradient of variables in it twice.
        flat = keras.tree.flatten(arguments)
        known = [tf.convert_to_tensor(x) for x in flat if x is not None]

        @tf.recompute_grad
        def again(*tensors):
            left = iter(tensors)
            packed = keras.tree.pack_sequence_as(
                arguments,
                [None if old is None else next(left) for old in flat],
            )
            return function(*packed, **keywords)

        return again(*known)

    return call


def sync_state(model):
    pass  # Variables are always current.


def variable_scope(model):
    return model.distribute_strategy.scope()


def renew_step(model, frozen_variables):
    if tf.config.list_physical_devices("GPU"):
        # The peak is measured anew for the new step.
        tf.config.experimental.reset_memory_stats("GPU:0")
    model.has_run = False
    model.test_function = None
    model.predict_function = None
    stages.reset(model)
    if model.train_function is not None:
        model.make_train_function(force=True)


def compile_ahead(model, config, make_model):
    return None  # A `tf.function` is traced at its first call.


def runs_eagerly(model):
    return model.run_eagerly


def is_idle(tensor):
    return True  # not known; another thread fetches the batches


def cache_programs(folder):
    pass


def compiled(model, function, example=None):
    return stages.StageFunction(model, lambda: tf.function(function))


def global_norm(gradients):
    known = [gradient for gradient in gradients if gradient is not None]
    halves = (tf.bfloat16, tf.float16)
    known = [tf.cast(x, "float32") if x.dtype in halves else x for x in known]
    return tf.cast(tf.linalg.global_norm(known), "float32")


def measure_step(model) -> StepCost:
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus or not model.has_run:
        return StepCost()  # TensorFlow measures no memory on a CPU.
    return StepCost(
        peak_bytes=tf.config.experimental.get_memory_info("GPU:0")["peak"]
    )


def unsupported(
    *, float8=False, distribution=None, mesh=None, batch_size=None, **options
) -> str | None:
    if float8:
        return (
            "TensorFlow has no matrix products in float8. Use bfloat16, or "
            "KERAS_BACKEND=jax or torch."
        )
    return refuse(distribution, mesh, batch_size)


def versions() -> dict:
    return {"tensorflow": tf.__version__}
