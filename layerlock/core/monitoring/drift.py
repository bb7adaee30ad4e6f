"""Measures how much the features of each layer change over time."""

import time

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.core.monitoring import health

_ROWS = 256  # tokens in a comparison
_GOLDEN_RATIO = (5**0.5 - 1) / 2
# In a checkpoint. Older ones have other tokens by the name "grams".
_ARRAY = "spread_grams"


class LayerDrift(EverySteps):
    """Measures how much each layer's features change, on the same clips.

    Every `every` optimizer steps it runs the encoder on `clips` and compares
    the features of each block with the previous ones by linear CKA, which is 1
    if they differ by rotation and scale only. With a teacher it also measures
    how much the teacher changes when it shares a frozen layer: pass
    `before_freeze` to `LayerLock`.

    Args:
        every: int, in optimizer steps.
        clips: uint8 `(clips, frames, height, width, 3)`, the same for the
            whole run.

    Attributes:
        cka: list with a float per block, or `None` before the second
            measurement.
        step: int, the optimizer step of `cka`.
        drifts: list with 1 - CKA per block, or `None`.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder(
    ...     num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24,
    ...     patch_size=(2, 8, 8), clip_shape=(4, 32, 32), num_decoder_layers=1)
    >>> model = layerlock.MaskedPretraining(encoder)
    >>> model.compile(optimizer="adamw")
    >>> clips = np.random.default_rng(0).integers(
    ...     0, 256, (4, 4, 32, 32, 3), dtype="uint8")
    >>> drift = LayerDrift(every=2, clips=clips[:2])
    >>> history = model.fit(clips, batch_size=1, verbose=0, callbacks=[drift])
    >>> drift.step, len(drift.cka)
    (4, 3)
    """

    def __init__(self, every, clips):
        super().__init__(every)
        self.clips = clips
        self.grams = None  # float32 (blocks, rows, rows), the previous ones
        self.cka = None
        self.step = None
        self._metrics = {}

    @property
    def drifts(self):
        return None if self.cka is None else [1.0 - cka for cka in self.cka]

    def pop_metrics(self) -> dict:
        """Returns what was measured since the last call.

        Returns:
            A dict with some of `cka`, `teacher_jump` (distance between the
            features of encoder and teacher at the newest frozen layer, over
            the norm of the teacher's) and `monitor_seconds`.
        """
        metrics, self._metrics = self._metrics, {}
        return metrics

    def get_state(self) -> dict:
        """Returns the state for a checkpoint, without its arrays."""
        return {"cka": self.cka, "step": self.step, "news": self._metrics}

    def get_arrays(self) -> dict:
        """Returns the arrays for a checkpoint."""
        return {} if self.grams is None else {_ARRAY: self.grams}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.cka, self.step = state["cka"], state["step"]
        self._metrics = state["news"]  # the key of existing checkpoints

    def set_arrays(self, arrays: dict):
        """Restores the arrays that `get_arrays` returned."""
        self.grams = arrays.get(_ARRAY)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._tensor = ops.convert_to_tensor(self.clips)
        self._measure = backends.compiled(
            self.model, self._compute_grams, example=(self._tensor,)
        )

    def on_step(self, step, logs):
        started = time.perf_counter()
        grams = ops.convert_to_numpy(self._measure(self._tensor))
        if self.grams is not None:
            self.cka = list(map(health.linear_cka, grams, self.grams))
            self.step = step
            self._metrics["cka"] = self.cka
        self.grams = grams
        self._add_seconds(started)

    def before_freeze(self, model, frozen_layers: int):
        """Measures how much the teacher will change when layers freeze."""
        if getattr(model, "teacher", None) is None:
            return
        started = time.perf_counter()
        distance = backends.compiled(
            model, lambda clips: _teacher_distance(model, clips, frozen_layers)
        )
        self._metrics["teacher_jump"] = float(distance(self._tensor))
        self._add_seconds(started)

    def _add_seconds(self, started):
        before = self._metrics.get("monitor_seconds", 0.0)
        spent = time.perf_counter() - started
        self._metrics["monitor_seconds"] = round(before + spent, 4)

    def _compute_grams(self, clips):
        encoder = self.model.encoder
        blocks = encoder.layer_names[1 : encoder.num_layers + 1]
        features = encoder.features(clips, layers=blocks)
        grams = [
            health.centred_gram(_sample(tokens)) for tokens in features.values()
        ]
        return ops.cast(ops.stack(grams), "float32")


def _sample(features):
    """Selects at most `_ROWS` tokens, evenly spread over all clips."""
    rows = ops.reshape(features, (-1, features.shape[-1]))
    chosen = sampled_rows(int(np.prod(features.shape[:-1])))
    return backends.take(rows, backends.constant(chosen, "int32"))


def sampled_rows(count: int) -> np.ndarray:
    """Numbers of the compared tokens among `count`.

    One of each of `_ROWS` equal parts, at an offset that follows the golden
    ratio. With a constant offset, the tokens of most grids would lie in one
    column of the frames.

    Example:

    >>> rows = sampled_rows(16 * 8 * 14 * 14)
    >>> len(rows), sorted(set(map(int, rows % 14))) == list(range(14))
    (256, True)
    """
    if count <= _ROWS:
        return np.arange(count)
    parts = np.arange(_ROWS)
    offsets = parts * _GOLDEN_RATIO % 1
    return ((parts + offsets) * count / _ROWS).astype(int)


def _teacher_distance(model, clips, num_layers):
    name = model.encoder.layer_names[num_layers]
    student, target = (
        ops.cast(encoder.features(clips, layers=[name])[name], "float32")
        for encoder in (model.encoder, model.teacher)
    )
    distance = ops.norm(student - target, axis=-1)
    return ops.mean(distance) / ops.mean(ops.norm(target, axis=-1))
