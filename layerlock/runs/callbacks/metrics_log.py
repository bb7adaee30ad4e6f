"""Writes the lines of `metrics.jsonl` while a model trains."""

import statistics

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.costs.cumulative import cumulative_flops
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.runs.trackers import Trackers

MUCH_WAITING = 0.2  # share of the time


class MetricsLog(EverySteps):
    """Logs loss, stage, speed, cost and health every `log_every` steps.

    Place it after `Monitors` and before `LayerLock`, so that a line describes
    the stage of its steps.

    Args:
        run: a `RunDirectory`.
        lock: the `LayerLock` callback of the run.
        stopwatch: the `Stopwatch` callback of the run.
        monitors: the `Monitors` callback of the run, with the same
            interval.
        reporters: callbacks with `pop_metrics()`, which returns a dict of new
            measurements, such as `LayerDrift`.
        sizes: `StepSizes` of the model.
        steps: int, optimizer steps of the whole run.
        log_every: int, optimizer steps between lines.
        progress: a `Progress`.
        validate: function without arguments that returns the held-out loss,
            or `None`.
        validate_every: int, optimizer steps; a multiple of `log_every`.
        waiting_hint: str, advice that is shown if training waits for clips a
            fifth of the time. Defaults to `None`.
        trackers: `Trackers`, which log each line, each freeze and each change
            of the verdict. Defaults to none.
    """

    def __init__(
        self,
        run,
        lock,
        stopwatch,
        monitors,
        reporters,
        sizes,
        steps,
        log_every,
        progress,
        validate=None,
        validate_every=0,
        waiting_hint=None,
        trackers=None,
    ):
        super().__init__(log_every, last_step=steps)
        self.run = run
        self.lock = lock
        self.stopwatch = stopwatch
        self.monitors = monitors
        self.reporters = reporters
        self.sizes = sizes
        self.steps = steps
        self.progress = progress
        self.validate = validate
        self.validate_every = validate_every
        self.waiting_hint = waiting_hint
        self.trackers = trackers or Trackers()
        # Of the batches since the last line. Those of the newest ones are on
        # the device: one scalar of each batch, or one vector of several.
        self.losses = []
        self.logged_step = None
        self.logged_losses = []  # of the last line
        self._line = None  # the newest one, until all of its numbers are there

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        self.flush()  # a resume keeps the lines until the checkpoint
        return {"losses": list(self.read_losses())}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.losses = list(state["losses"])

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.stage = None
        self.lines = 0  # the first one is about a start, too
        self.progress.start(self.steps, first_step=self.counter.step)
        # A freeze at this very step may not have been reported before a kill.
        self.num_reported = sum(
            step < self.counter.step for step, _ in self.lock.events
        )
        self.verdict = self.monitors.judge.verdict.label

    def on_train_end(self, logs=None):
        self.flush()
        self._report_freezes()

    def on_train_batch_begin(self, batch, logs=None):
        if not self.monitors.is_computing:
            self.flush()

    def on_train_batch_end(self, batch, logs=None):
        several = self.model.steps_per_execution > 1
        self.losses.append(
            self.model.batch_losses if several else logs["batch_loss"]
        )
        super().on_train_batch_end(batch, logs)
        self.progress.advance(self.counter.step)

    def read_losses(self) -> list[float]:
        """The losses since the last line; waits for the device."""
        self.losses = [
            number for loss in self.losses for number in _numbers(loss)
        ]
        return self.losses

    def on_step(self, step, logs):
        self.flush()
        model = self.model
        backends.sync_state(model)
        self.logged_step, self.logged_losses = step, self.read_losses()
        lap = self.stopwatch.take_lap()
        metrics = {
            "step": step,
            "loss": statistics.fmean(self.logged_losses),
            "frozen_layers": model.frozen_layers,
            "target_layer": _newest(model.target_layers),
            "learning_rate": float(logs["learning_rate"]),
            "clips_per_second": lap.pace and lap.pace * self.sizes.batch_size,
            "input_wait": lap.waiting and round(lap.waiting, 4),
            "seconds": round(self.stopwatch.seconds, 3),
            "flops": self._flops(step, self.lock.events),
            "flops_unfrozen": self._unfrozen_flops(step),
            **self._teacher_flops(step),
            **self._measured(),
            "stall_seconds": round(lap.stall, 3),
        }
        for reporter in self.reporters:
            metrics.update(reporter.pop_metrics())
        if self.validate and (
            step % self.validate_every == 0 or step >= self.steps
        ):
            metrics["validation_loss"] = self.validate()
        self._line = metrics, self.monitors.newest
        if not self.monitors.is_computing:
            self.flush()
        self.progress.update(
            step,
            metrics["loss"],
            metrics["frozen_layers"],
            metrics["target_layer"],
            metrics["clips_per_second"],
        )
        self.losses = []
        self._hint_at_waiting(lap.waiting)

    def flush(self):
        """Writes the newest line, once `Monitors` has all of its numbers.

        Lines are written in their order, each before the next measurement and
        before a checkpoint.
        """
        if self._line is None:
            return
        (metrics, measured), self._line = self._line, None
        if "verdict" not in measured:
            self.monitors.finish()
        metrics |= measured
        self.run.append_metrics(metrics)
        self._track(metrics)

    def _track(self, metrics):
        """Hands a line, and what happened since the one before, on."""
        self._report_freezes()
        self.trackers.log(metrics)
        verdict = metrics.get("verdict", self.verdict)
        if verdict != self.verdict:
            self.verdict = verdict
            text = f"{verdict}. {metrics['verdict_reason']}"
            self.trackers.log_event("verdict", text, metrics["step"])

    def _report_freezes(self):
        """Reports freezes: `LayerLock` acts after the line of its step."""
        for step, frozen in self.lock.events[self.num_reported :]:
            text = f"Frozen layers: {frozen}."
            self.trackers.log_event("freeze", text, step)
        self.num_reported = len(self.lock.events)

    def _hint_at_waiting(self, share):
        """Prints the hint once, if training waits for clips."""
        if self.waiting_hint and self.lines and (share or 0.0) > MUCH_WAITING:
            self.progress.message(
                f"{share:.0%} of the time goes by waiting for clips. "
                f"{self.waiting_hint}"
            )
            self.waiting_hint = None
        self.lines += 1

    def _flops(self, step, events):
        return cumulative_flops(
            step,
            events,
            lambda frozen: self.sizes.step_flops(
                frozen, self.model.target_layers_at(frozen)
            ),
            batches_per_step=self.counter.accumulation,
        )

    def _teacher_flops(self, step):
        """Returns the part of a fixed teacher, if there is one."""
        if self.sizes.fixed_teacher is None:
            return {}
        targets = self.model.target_layers
        flops = self.sizes.teacher_flops(targets)
        return {"flops_teacher": flops * step * self.counter.accumulation}

    def _unfrozen_flops(self, step):
        targets = self.model.target_layers_at(None)
        flops = self.sizes.step_flops(0, targets)
        return flops * step * self.counter.accumulation

    def _measured(self):
        """Returns what the backend measured for a step of this stage."""
        stage = (self.model.frozen_layers, self.model.target_layers)
        if stage != self.stage:
            self.stage = stage
            measured = backends.measure_step(self.model)
            flops = measured.flops
            self.measured = {
                "peak_memory_bytes": measured.peak_bytes,
                "compiled_step_flops": flops
                and flops * self.counter.accumulation,
            }
        return self.measured


def _numbers(loss) -> list[float]:
    """The floats of a float, of a scalar or of a vector."""
    if isinstance(loss, float):
        return [loss]
    return np.atleast_1d(ops.convert_to_numpy(loss)).tolist()


def _newest(target_layers):
    """The last of several layers, `None` for pixels, `[]` for other views."""
    latents = [layer for layer in target_layers if layer]
    if latents:
        return latents[-1]
    return None if target_layers else []
