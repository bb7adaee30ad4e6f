"""Knows the optimizer's step without asking the device at every batch."""

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
