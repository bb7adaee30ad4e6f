"""The callback that measures the health of a run."""

import concurrent.futures
import math

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.core.monitoring import health
from layerlock.core.monitoring.verdict import Judge


class Monitors(EverySteps):
    """Measures features, targets and weights, and judges the run.

    Every `every` optimizer steps it reads the measurements of the training
    step and the norm of each block's weights. Place it before callbacks that
    use its measurements, such as a log. The effective rank, whose eigenvalues
    take longer than a step of a wide encoder, is computed in a thread while
    training goes on; `on_collapse="stop"` waits for it.

    Args:
        every: int, in optimizer steps.
        last_step: int, the last optimizer step of the run, which is measured
            too. Defaults to `None`.
        on_collapse: `"warn"`, or `"stop"` to end training when the run has
            collapsed or diverged. Defaults to `"warn"`.
        print_fn: function that prints a message. Defaults to `print`.

    Attributes:
        values: dict, the newest measurements: the numbers of
            `health.MEASURED`, `effective_rank` and `grad_norm`;
            `weight_norms`, a list with the norm of each block's weights (the
            embedding's with the first), and `weight_norm_rates`, their
            relative change per optimizer step since the last measurement, or
            `None`; `verdict` and `verdict_reason`, see `Judge`. Reading it
            waits for the thread.
        step: int, the optimizer step of `values`.
        drifts: list with the rate of each block's weight norm, or `None`.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder(
    ...     num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24,
    ...     patch_size=(2, 8, 8), clip_shape=(4, 32, 32), num_decoder_layers=1)
    >>> model = layerlock.MaskedPretraining(encoder)
    >>> model.compile(optimizer="adamw")
    >>> clips = np.random.default_rng(0).integers(
    ...     0, 256, (4, 4, 32, 32, 3), dtype="uint8")
    >>> watch = Monitors(every=2)
    >>> history = model.fit(clips, batch_size=2, verbose=0, callbacks=[watch])
    >>> watch.step, watch.values["verdict"]
    (2, 'healthy')
    """

    def __init__(
        self, every, last_step=None, on_collapse="warn", print_fn=print
    ):
        super().__init__(every, last_step)
        if on_collapse not in ("warn", "stop"):
            raise ValueError(
                "`on_collapse` must be 'warn' or 'stop'. "
                f"Received: on_collapse={on_collapse!r}."
            )
        self.on_collapse = on_collapse
        self.print_fn = print_fn
        self.newest = {}  # rank and verdict follow when the thread is done
        self.step = None
        self.judge = Judge()
        self._pool = self._rank = None

    @property
    def values(self):
        self.finish()
        return self.newest

    @property
    def drifts(self):
        return self.newest.get("weight_norm_rates")

    @property
    def is_computing(self) -> bool:
        """Whether the thread still computes the newest effective rank."""
        return self._rank is not None and not self._rank.done()

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {
            "values": self.values,
            "step": self.step,
            "judge": self.judge.get_state(),
        }

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.newest, self.step = state["values"], state["step"]
        self.judge.set_state(state["judge"])

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if not hasattr(self.model, "feature_moments"):
            raise ValueError(
                "`Monitors` needs the measurements of a "
                "`MaskedPretraining`. Received: a "
                f"{type(self.model).__name__}."
            )
        self._norms = backends.compiled(
            self.model, self._weight_norms, example=()
        )

    def on_train_batch_begin(self, batch, logs=None):
        measures = self.may_act(batch + self.model.steps_per_execution - 1)
        self._measure_health(measures)

    def on_train_end(self, logs=None):
        self._measure_health(True)
        self.finish()

    def _measure_health(self, measures: bool):
        # A compiled step cannot change from batch to batch.
        model = self.model
        if backends.runs_eagerly(model) and measures != model.measures_health:
            model.measures_health = measures

    def on_step(self, step, logs):
        model = self.model
        backends.sync_state(model)
        self.finish()
        measured = ops.convert_to_numpy(model.health).tolist()
        norms = ops.convert_to_numpy(self._norms()).astype("float64")
        values = {
            **dict(zip(health.MEASURED, measured, strict=True)),
            "effective_rank": None,
            "grad_norm": float(logs["grad_norm"]),
            "weight_norms": norms.tolist(),
            "weight_norm_rates": self._rates(step, norms),
        }
        self._batch_facts = {
            "step": step,
            "loss": float(logs["batch_loss"]),
            "target_layers": list(model.target_layers),
        }
        self.newest, self.step = values, step
        # A copy: the next step may write to the memory of the variable.
        moments = np.array(ops.convert_to_numpy(model.feature_moments))
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(1, "monitors")
        self._rank = self._pool.submit(health.effective_rank, moments)
        if self.on_collapse == "stop" or not math.isfinite(
            self._batch_facts["loss"]
        ):
            self.finish()

    def finish(self):
        """Waits for the thread, and completes `newest` with its verdict."""
        rank, self._rank = self._rank, None
        if rank is None:
            return
        values = self.newest
        values["effective_rank"] = rank.result()
        before = self.judge.verdict.label
        verdict = self.judge.observe({**values, **self._batch_facts})
        if verdict.label != before:
            step = self._batch_facts["step"]
            self.print_fn(f"Step {step}: {verdict.label}. {verdict.reason}")
        values["verdict"] = verdict.label
        values["verdict_reason"] = verdict.reason
        # All processes stop together: one may have rounded differently.
        if self.on_collapse == "stop" and backends.agree(verdict.is_fatal):
            self.model.stop_training = True

    def _rates(self, step, norms):
        if self.step is None or step <= self.step:
            return None
        old = np.array(self.newest["weight_norms"])
        return (np.abs(norms - old) / old / (step - self.step)).tolist()

    def _weight_norms(self):
        return ops.stack(
            [
                _norm(*backends.stored(variables))
                for variables in _block_variables(self.model.encoder)
            ]
        )


def _block_variables(encoder) -> list:
    """The variables of each block; the first one includes the embedding."""
    return [
        [variable for layer in unit for variable in layer.variables]
        for unit in encoder.freezable_layers
    ]


@backends.fused
def _norm(*tensors):
    return backends.norm(tensors)
