"""The callback that scores the validation split during fine-tuning."""

import math

from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.evaluation import scores
from layerlock.evaluation.cached_examples import CachedExamples
from layerlock.evaluation.features import Features

_MAX_EXAMPLES = 500


class Validation(EverySteps):
    """Scores the validation split every `every` steps of a fine-tuning.

    Args:
        every: int, in optimizer steps.
        last_step: int, the last optimizer step of the run.
        task: the `Task`.
        readout: the `TrainedProbe`, prepared for the task.
        lock: the `LayerLock` of the run.
        on_trial: function of each new trial. Defaults to `None`.

    Attributes:
        trials: list of dict, one for each validation.
        answers: `Features` with the present predictions of the model.
    """

    def __init__(self, every, last_step, task, readout, lock, on_trial=None):
        super().__init__(every, last_step)
        self.task = task
        self.outputs = readout.outputs
        self.lock = lock
        self.on_trial = on_trial
        self.answers = Features(
            self._answer,
            CachedExamples(
                task.examples("validation"), _MAX_EXAMPLES, max_views=1
            ),
        )
        self.trials = []
        self.seen = 0, 0.0  # batches, and the sum of their losses

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.compute = backends.compiled(
            self.model, lambda clips: self.model(clips, training=False)
        )

    def on_step(self, step, logs):
        # Keras logs the mean since the start of training.
        batches = self.batch + 1  # not steps: overflows are skipped
        total = float(logs["loss"]) * batches
        loss = (total - self.seen[1]) / (batches - self.seen[0])
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss is {loss} at step {step}. Lower the learning rate."
            )
        self.seen = batches, total
        metric = next(iter(scores.metrics(self.task)))
        results = scores.score_all(
            self.task, lambda answers: answers[:, 0], self.answers
        )
        self.trials.append(
            {
                "step": step,
                "loss": loss,
                "frozen_layers": self.lock.frozen_layers,
                metric: scores.mean(results[metric]),
            }
        )
        if self.on_trial is not None:
            self.on_trial(self.trials[-1])

    def on_train_end(self, logs=None):
        # After skipped steps, the last step was not reached.
        if self.seen[0] <= self.batch:
            self.on_step(self.counter.read(), logs)

    def _answer(self, clips):
        outputs = self.compute(ops.convert_to_tensor(clips))
        return self.outputs.decode(ops.convert_to_numpy(outputs))
