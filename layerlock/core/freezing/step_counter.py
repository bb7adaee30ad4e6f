"""Counts optimizer steps without asking the device at every batch."""

import keras

from layerlock import backends


class StepCounter:
    """Counts batches, and reads the optimizer's step only when it matters.

    Reading a variable inside `fit` makes the host wait for the device. The
    step can only be reached after at least as many batches, so that the
    counter needs to read it when enough of them have gone by; without loss
    scaling (which skips steps) and accumulation it never does.

    Args:
        model: a compiled `keras.Model`.
    """

    def __init__(self, model):
        self.model = model
        self.read()

    def read(self) -> int:
        """Reads the number of optimizer updates from the optimizer."""
        backends.sync_state(self.model)
        optimizer = self.model.optimizer
        self.step = int(optimizer.iterations)
        self.batches = 0
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self.accumulation = inner.gradient_accumulation_steps or 1
        self.skips = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        return self.step

    def count(self, batches: int = 1):
        """Tells the counter that `batches` more batches were trained on."""
        self.batches += batches
        if self.accumulation == 1 and not self.skips:
            self.step += batches
            self.batches = 0

    def has_reached(self, step: int) -> bool:
        """Whether at least `step` optimizer updates are done."""
        if self.step >= step:
            return True
        # Updates that the batches since the last reading can have made.
        most = -(-(self.batches + self.accumulation - 1) // self.accumulation)
        if self.batches == 0 or self.step + most < step:
            return False
        return self.read() >= step


class EverySteps(keras.callbacks.Callback):
    """Calls `on_step` every so many optimizer steps, and at the last one.

    A subclass implements `on_step(step, logs)`.

    Args:
        every: int, in optimizer steps.
        last_step: int, the optimizer step that the run ends at, or `None`.
    """

    def __init__(self, every: int, last_step: int | None = None):
        super().__init__()
        if every < 1:
            raise ValueError(
                "`every` must be at least 1 optimizer step. "
                f"Received: every={every}."
            )
        self.every = every
        self.last_step = last_step

    def on_train_begin(self, logs=None):
        self.counter = StepCounter(self.model)
        self._plan()

    def on_epoch_begin(self, epoch, logs=None):
        # Another callback may have restored the model since training began.
        self.counter.read()
        self._plan()
        self.batch = -1

    def on_train_batch_end(self, batch, logs=None):
        self.counter.count(batch - self.batch)
        self.batch = batch
        if self.counter.has_reached(self.next_step):
            self.on_step(self.counter.step, logs)
            self._plan()

    def on_step(self, step: int, logs: dict):
        """Does what is to be done after `step` optimizer updates."""
        raise NotImplementedError

    def _plan(self):
        step = self.counter.step
        following = (step // self.every + 1) * self.every
        if self.last_step is not None:
            following = min(following, max(self.last_step, step + 1))
        self.next_step = following
