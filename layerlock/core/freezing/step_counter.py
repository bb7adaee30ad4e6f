"""Counts optimizer steps without a synchronisation at every batch."""

import keras

from layerlock import backends


class StepCounter:
    """Counts batches, and reads the optimizer's step only if necessary.

    Reading a variable inside `fit` makes the host wait for the device. A step
    needs at least as many batches, so the counter reads the step only after
    enough batches. Without loss scaling (which skips steps) and accumulation
    it never reads it.

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
        self.step = int(keras.ops.convert_to_numpy(optimizer.iterations))
        self.batches = 0
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self.accumulation = inner.gradient_accumulation_steps or 1
        self.skips = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        return self.step

    def count(self, batches: int = 1):
        """Counts `batches` more batches."""
        self.batches += batches
        if self.accumulation == 1 and not self.skips:
            self.step += batches
            self.batches = 0

    def has_reached(self, step: int) -> bool:
        """Whether at least `step` optimizer updates are done."""
        if self.step >= step:
            return True
        if self.batches == 0 or not self.may_reach(step):
            return False
        return self.read() >= step

    def may_reach(self, step: int, batches: int = 0) -> bool:
        """Whether `step` updates may be done after `batches` more batches."""
        batches += self.batches
        # Maximum number of updates since the last reading.
        most = -(-(batches + self.accumulation - 1) // self.accumulation)
        return self.step + most >= step


def check_border(counter: StepCounter, step: int, action: str):
    """Raises if an execution of several steps does not end at a step.

    Args:
        counter: read where training begins.
        step: int, a later optimizer step.
        action: str, subject and verb of the message: "Layers freeze".
    """
    together = counter.model.steps_per_execution
    if together == 1:
        return
    received = f"Received: steps_per_execution={together}"
    if counter.skips:
        raise ValueError(
            f"{action} at an optimizer step, and with loss scaling, which may "
            "skip steps, it is not known where an execution of several steps "
            f"ends. {received}. Use 1."
        )
    if (step - counter.step) * counter.accumulation % together:
        raise ValueError(
            f"{action} at optimizer step {step}, in the middle of an execution "
            f"of several batches. {received}, {counter.accumulation} batches "
            f"per optimizer step, training from step {counter.step}. Use a "
            "number that divides the batches up to that step, or another step."
        )


class EverySteps(keras.callbacks.Callback):
    """Calls `on_step` every `every` optimizer steps, and at the last step.

    A subclass implements `on_step(step, logs)`. Between its steps it does not
    wait for the device.

    Args:
        every: int, in optimizer steps.
        last_step: int, the last optimizer step of the run, or `None`.
    """

    takes_tensors = True  # see `TensorLogs`

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
        steps = {self.next_step, self.next_step + self.every}
        if self.last_step is not None:
            steps = {min(step, self.last_step) for step in steps}
        for step in steps:
            if step > self.counter.step:
                check_border(self.counter, step, f"{type(self).__name__} acts")

    def on_epoch_begin(self, epoch, logs=None):
        # Another callback may have restored the model after `on_train_begin`.
        self.counter.read()
        self._plan()
        self.batch = -1

    def on_train_batch_end(self, batch, logs=None):
        self.counter.count(batch - self.batch)
        self.batch = batch
        if self.counter.has_reached(self.next_step):
            self.on_step(self.counter.step, logs)
            self._plan()

    def may_act(self, batch: int) -> bool:
        """Whether `on_step` may run at the end of a batch.

        Args:
            batch: int, the number of a batch in its epoch that is not counted
                yet.
        """
        return self.counter.may_reach(self.next_step, batch - self.batch)

    def on_step(self, step: int, logs: dict):
        """Runs after `step` optimizer updates.

        Args:
            step: int.
            logs: dict of the batch, of floats or of scalar tensors.
        """
        raise NotImplementedError

    def _plan(self):
        step = self.counter.step
        following = (step // self.every + 1) * self.every
        if self.last_step is not None:
            following = min(following, max(self.last_step, step + 1))
        self.next_step = following
