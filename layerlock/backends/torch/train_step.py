"""The training step, and how `fit` runs it."""

import keras
import torch

from layerlock.backends import keras_internals, optimizer as optimizers
from layerlock.backends.torch import fused_adam, loss_tracker, step_count
from layerlock.backends.torch.distribution import (
    active,
    clipping,
    parts,
    processes,
    replicas,
    rows,
)
from layerlock.backends.torch.fusing import fusing
from layerlock.backends.torch.model_call import call_model
from layerlock.backends.torch.saved_tensors import SavedTensors
from layerlock.backends.torch.transfers import constant
from layerlock.backends.torch.values import values


class TrainStep:
    """Training step that logs the gradient norm and measures saved tensors."""

    has_run = False
    stage_parts = ()  # weights and metrics

    def fit(self, *arguments, **keywords):
        with processes.watched():  # Callbacks send and receive, too.
            return super().fit(*arguments, **keywords)

    def train_step(self, data):
        with fusing(self), rows.split_batch(), processes.watched():
            if self.jit_compile or getattr(self, "saved_bytes", None):
                return self._train_step(data)
            with SavedTensors(self.variables) as saved:
                logs = self._train_step(data)
            self.saved_bytes = saved.bytes
            return logs

    def test_step(self, data):
        with fusing(self):
            return super().test_step(data)

    def predict_step(self, data):
        with fusing(self):
            return super().predict_step(data)

    def make_train_function(self, force=False):
        if active.is_sharded():
            parts.place(self)
            clipping.prepare(self.optimizer)
        fused_adam.fuse(self.optimizer)
        step_count.attach(self.optimizer)
        step_count.count_in_place(self.batches_seen)
        self._initialize_ddp()
        if self.train_function is None or force:
            # After `compile` or a freeze, the model may have other ones.
            object.__setattr__(self, "stage_parts", ())
            self.train_function = self._train_on

    def _train_on(self, batches):
        """Trains on the batches of an execution; Keras 3.15 does on one."""
        losses = []
        for data in batches:
            logs = self.train_step(data)
            losses.append(logs["batch_loss"])
        if self.steps_per_execution > 1:
            # Keras checks what is assigned, which takes time.
            object.__setattr__(self, "batch_losses", torch.stack(losses))
        return logs

    def get_metrics_result(self):
        if (
            active.current() is None
            and keras_internals.scans_steps()
            and torch.distributed.is_initialized()
        ):
            # The processes are Keras's own, which adds up their metrics.
            return super().get_metrics_result()
        _, metrics = self.stage_parts or ((), ())
        if not any(metric is self._loss_tracker for metric in metrics):
            metrics = self.metrics  # `compile` has made others
        return loss_tracker.results(metrics)

    def _initialize_ddp(self):  # of Keras 3.16, for its own processes
        if active.current() is not None:
            replicas.wrap(self)
        elif keras_internals.scans_steps():
            super()._initialize_ddp()

    def _should_torch_compile(self):  # Keras 3.15
        return False  # `fused` does.

    def _use_torch_compile(self):  # Keras 3.16
        return False

    def _train_step(self, data):
        if not self.has_run:  # Keras checks each assignment, which takes time
            self.has_run = True
        if not self.stage_parts:
            found = self.weights, self.metrics
            object.__setattr__(self, "stage_parts", found)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        # The search of `zero_grad` for all weights takes longer than a block.
        # So does that of `trainable_weights`, which finds the same.
        variables = [v for v in self.stage_parts[0] if v.trainable]
        tensors = values(variables)
        for tensor in tensors:
            tensor.grad = None
        with replicas.sending_once(self):
            outputs = call_model(self, x)
            loss = self._compute_loss(
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=True,
            )
            scaled_loss = self.optimizer.scale_loss(loss)
            # Gradients of parts are added up, those of copies averaged.
            (scaled_loss / parts.num_parts()).backward()
        mean_loss = rows.global_mean(loss.detach())
        gradients = [tensor.grad for tensor in tensors]
        clipping.add_up_scalars(gradients)
        with torch.no_grad(), clipping.shared_norm(gradients):
            # Keras has no public way to update its tracker in a custom step.
            num_examples = keras.tree.flatten(x)[0].shape[0]
            loss_tracker.track(self._loss_tracker, mean_loss, num_examples)
            loss_scale = self.optimizer.scale_loss(constant(1.0, "float32"))
            means = optimizers.of_step(
                self.optimizer, gradients, variables, loss_scale
            )
            logs = self.step_logs(mean_loss, outputs, means, loss_scale)
            clipping.spread_overflow(self.optimizer, gradients)
            self.optimizer.apply(gradients, variables)
            self.after_update()
        return {
            **self.compute_metrics(x, y, outputs, sample_weight=sample_weight),
            **logs,
        }
