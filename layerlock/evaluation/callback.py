"""The callback that probes features during training."""

import math
import time

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.evaluation import encoders
from layerlock.evaluation.cached_examples import CachedExamples
from layerlock.evaluation.features import Features
from layerlock.evaluation.probes.knn import NearestNeighbours

_NEIGHBOURS = 20
_MAX_EXAMPLES = {"train": 1000, "validation": 500}


class FeatureProbe(EverySteps):
    """Scores the features with nearest neighbours every `every` steps.

    It is an early and cheap estimate of the quality of features: one pass over
    at most 1500 clips, which are kept in memory. For final results, use
    `probing.probe`.

    Args:
        every: int, in optimizer steps.
        task: a `Task` with classes.
        layer: see `encoders.layer_number`. Defaults to `0.95`.
        last_step: int, the last optimizer step of the run, which is probed
            too. Defaults to `None`.
        print_fn: function that prints a message. Defaults to `None`.

    Raises:
        ValueError: if the task has no classes.

    Example:

    ```python
    probe = FeatureProbe(every=1000, task=evaluation.get("scenes_motion"))
    model.fit(clips, callbacks=[probe])
    print(probe.pop_metrics())
    ```
    """

    def __init__(self, every, task, layer=0.95, last_step=None, print_fn=None):
        super().__init__(every, last_step)
        if task.is_dense:
            raise ValueError(
                "Nearest neighbours need a task with classes. Received: "
                f"{type(task).__name__}, a task of depth. Use another task."
            )
        self.task = task
        self.layer = layer
        self.print_fn = print_fn
        self.splits = {
            split: CachedExamples(task.examples(split), count, max_views=1)
            for split, count in _MAX_EXAMPLES.items()
        }
        self._metrics = {}

    def pop_metrics(self) -> dict:
        """Returns what was measured since the last call.

        Returns:
            A dict with `probe_top1`, the share of correct answers, and
            `probe_seconds`; empty without a new measurement.
        """
        metrics, self._metrics = self._metrics, {}
        return metrics

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {"news": self._metrics}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self._metrics = state["news"]  # the key of existing checkpoints

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._features = backends.compiled(self.model, self._compute)

    def on_step(self, step, logs):
        started = time.perf_counter()
        train, validation = (
            Features(self._extract, self.splits[split])
            for split in ("train", "validation")
        )
        probe = NearestNeighbours((_NEIGHBOURS,))
        try:
            probe.fit(train, validation, self.task)
            top1 = probe.trials[0]["top1"]
        except _NotFiniteError:
            top1 = math.nan  # as the loss, by which the run ends
        self._metrics = {
            "probe_top1": top1,
            "probe_seconds": round(time.perf_counter() - started, 3),
        }
        if self.print_fn is not None:
            self.print_fn(f"Step {step}: probe_top1 {top1:.3f}")

    def _compute(self, clips):
        encoder = self.model.exported_encoder
        name = encoder.layer_names[encoders.layer_number(encoder, self.layer)]
        return ops.cast(encoder.features(clips, layers=[name])[name], "float32")

    def _extract(self, clips):
        features = ops.convert_to_numpy(
            self._features(ops.convert_to_tensor(clips))
        )
        if not np.isfinite(features).all():
            raise _NotFiniteError
        return features


class _NotFiniteError(Exception):
    """Features are NaN or infinite."""
