"""The callback that freezes layers during `model.fit`."""

import time

import keras

from layerlock import backends
from layerlock.backends import optimizer as optimizer_state
from layerlock.core.freezing import ahead, schedules
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules.base import LAST_STEP
from layerlock.core.freezing.step_counter import StepCounter, check_border


class LayerLock(keras.callbacks.Callback):
    """Runs a freeze schedule inside `model.fit`.

    Works on `MaskedPretraining`, and on any other `keras.Model` if `layers`
    is given. Steps count optimizer updates: accumulated batches and skipped
    overflows do not count. The step is read from the optimizer at the start of
    training and of every epoch, so a resumed run starts at the right stage.
    With several `steps_per_execution`, executions must end at the steps of the
    schedule, and at the ends of epochs.

    Args:
        schedule: a `FreezeSchedule`, or the name of one.
        layers: list of layers to freeze, bottom first, if the model is no
            `FreezableModel`. Defaults to `None`.
        head_reset: bool, re-initialise the target head whenever the target
            moves. Defaults to `False`.
        before_freeze: function of the model and the new number of frozen
            layers, called before a freeze. Defaults to `None`.
        compile_ahead: bool, compile the step of the next stage in the
            background, so that a freeze does not stall training. Only on
            JAX, and for a `FreezableModel`. Defaults to `True`.

    Attributes:
        frozen_layers: int, layers frozen so far.
        events: list of `(step, frozen_layers)`, the freezes that happened.

    Raises:
        ValueError: when training begins, if the schedule and the model, or
            the optimizer, do not fit. See `FreezeScheduler`.

    Example:

    ```python
    model.fit(clips, callbacks=[LayerLock(LinearFreezeSchedule(
        start_step=160_000, interval=10_000, max_frozen_layers=32))])
    ```

    Any other model:

    >>> import layerlock, numpy as np
    >>> model = keras.Sequential([keras.layers.Dense(2) for _ in range(3)])
    >>> model.compile(optimizer="adamw", loss="mse")
    >>> lock = LayerLock(layerlock.PiecewiseFreezeSchedule([(1, 1), (3, 2)]),
    ...                  layers=model.layers[:2])
    >>> x = np.ones((4, 2), "float32")
    >>> history = model.fit(x, x, batch_size=1, verbose=0, callbacks=[lock])
    >>> lock.events
    [(1, 1), (3, 2)]
    """

    takes_tensors = True  # see `TensorLogs`

    def __init__(
        self,
        schedule="linear",
        layers=None,
        head_reset=False,
        before_freeze=None,
        compile_ahead=True,
    ):
        super().__init__()
        self.schedule = schedules.get(schedule)
        self.layers = layers
        self.head_reset = head_reset
        self.before_freeze = before_freeze
        self.compile_ahead = compile_ahead
        self.compiling = None
        self.scheduler = None
        self.events = []
        self.seconds = 0.0  # spent in the freeze of the latest batch

    @property
    def frozen_layers(self) -> int:
        return 0 if self.scheduler is None else self.scheduler.frozen_layers

    def bind(self, model) -> FreezeScheduler:
        """Prepares `model`, and checks that the schedule fits it."""
        self.scheduler = FreezeScheduler(
            self.schedule, model, self.layers, self.head_reset
        )
        return self.scheduler

    def replan(self):
        """Reads the next event again after the schedule got a new one."""
        step = self.counter.step
        if self.schedule.frozen_layers(step) > self.frozen_layers:
            self.next_event = step
        else:
            self.next_event = self.schedule.next_event(step)

    def may_act(self, batch: int) -> bool:
        """Whether layers may freeze at the end of a batch.

        Args:
            batch: int, the number of a batch in its epoch that is not counted
                yet.
        """
        return self.next_event is not None and self.counter.may_reach(
            self.next_event, batch - self.batch
        )

    def on_train_begin(self, logs=None):
        if self.scheduler is None or self.scheduler.model is not self.model:
            self.bind(self.model)
        optimizer = self.model.optimizer
        if not optimizer.built and self.model.built:
            # TensorFlow builds it at the first step.
            with backends.variable_scope(self.model):
                optimizer.build(self.model.trainable_variables)
        if optimizer.built:
            optimizer_state.check_optimizer(optimizer)
        self._resume()
        self._check_borders()

    def on_epoch_begin(self, epoch, logs=None):
        # Another callback may have restored the model after `on_train_begin`.
        self._resume()
        self.batch = -1

    def on_train_batch_end(self, batch, logs=None):
        self.counter.count(batch - self.batch)
        self.batch = batch
        self.seconds = 0.0
        if self.next_event is None:
            return
        if self.counter.has_reached(self.next_event):
            self._freeze()
        elif self._may_compile:
            self._may_compile = False  # once per stage
            self.compiling = ahead.compile_next_stage(
                self.model, self.schedule, self.counter.step
            )

    def _check_borders(self):
        if self.model.steps_per_execution == 1 or self.schedule.is_adaptive:
            return
        # An optimizer step has one batch or more.
        known = self.params or {}
        batches = (known.get("steps") or LAST_STEP) * known.get("epochs", 1)
        last = min(LAST_STEP, self.counter.step + batches)
        for step, _ in self.schedule.events(last):
            if step > self.counter.step:
                check_border(self.counter, step, "Layers freeze")

    def _resume(self):
        self.counter = StepCounter(self.model)
        self._freeze()

    def _freeze(self):
        step = self.counter.step
        num_layers = self.schedule.frozen_layers(step)
        if self.before_freeze and num_layers > self.frozen_layers:
            self.before_freeze(self.model, num_layers)
        started = time.perf_counter()
        if self.scheduler.update(step):
            self.events.append((step, self.frozen_layers))
            self.seconds = time.perf_counter() - started
        self.next_event = self.schedule.next_event(step)
        self._may_compile = self.compile_ahead
