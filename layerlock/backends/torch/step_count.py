"""The step of an optimizer, without a copy from or to the device.

On CUDA, Keras copies a 1 to the device to count a step, reads the step back to
see whether enough gradients are accumulated, and computes the learning rate
wherever it is used.
"""

import functools

import keras
import torch

from layerlock.backends.keras_internals import in_stateless_scope


def attach(optimizer):
    """Makes an optimizer count in place, and know its step in Python.

    Its results stay the same.

    Args:
        optimizer: a `keras.Optimizer`, or a `LossScaleOptimizer`.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    count = StepCount(optimizer)
    optimizer.step_count = count
    # Keras has no public way to replace them.
    count_in_place(optimizer._iterations)
    schedules = keras.optimizers.schedules
    if isinstance(optimizer._learning_rate, schedules.LearningRateSchedule):
        optimizer._get_current_learning_rate = count.learning_rate
    if optimizer.gradient_accumulation_steps and not optimizer.use_ema:
        optimizer._backend_apply_gradients = functools.partial(
            _accumulate, optimizer, count
        )


def count_in_place(variable):
    """Makes a variable add to its tensor, instead of making another one.

    Args:
        variable: a `keras.Variable`.
    """
    variable.assign_add = functools.partial(_add_in_place, variable)
    variable.counted = None


def optimizer_steps(optimizer):
    """See the contract; Keras 3.16 copies the divisor to the device."""
    every = optimizer.gradient_accumulation_steps
    if not every or hasattr(optimizer, "inner_optimizer"):
        return optimizer.iterations
    return optimizer._iterations.value // every


class StepCount:
    """The number of batches of an optimizer, followed in Python.

    PyTorch counts the changes of a tensor. If the only one since the last look
    added 1 in place, a batch was counted. After others the number is read.

    Args:
        optimizer: a `keras.Optimizer`.
    """

    def __init__(self, optimizer):
        self._optimizer = optimizer
        self._seen = None, 0  # tensor, number of its changes
        self._number = None
        self._rate = None
        self._rate_of = None, None, None  # tensor, its changes, schedule

    def read(self) -> int:
        """The number of batches so far."""
        iterations = self._optimizer._iterations
        tensor = iterations.value
        before, changes = self._seen
        new = tensor._version - changes if before is tensor else None
        if new == 1 and iterations.counted == (id(tensor), tensor._version):
            self._number += 1
        elif new != 0:
            self._number = int(tensor)
        self._seen = tensor, tensor._version
        return self._number

    def learning_rate(self):
        """The rate of the schedule, which is computed once per step."""
        optimizer = self._optimizer
        tensor, schedule = optimizer._iterations.value, optimizer._learning_rate
        known, changes, known_schedule = self._rate_of
        if (
            known is not tensor
            or changes != tensor._version
            or known_schedule is not schedule
        ):
            self._rate = self._computed(schedule)
            self._rate_of = tensor, tensor._version, schedule
        return self._rate

    def _computed(self, schedule):
        iterations = self._optimizer._iterations
        if in_stateless_scope() or not getattr(
            schedule, "takes_numbers", False
        ):
            return schedule(iterations)
        return torch.full(
            (),
            float(schedule(self.read())),
            dtype=torch.float32,
            device=iterations.value.device,
        )


def _add_in_place(variable, value):
    if in_stateless_scope():
        return type(variable).assign_add(variable, value)
    with torch.no_grad():
        tensor = variable.value.add_(value)
    variable.counted = id(tensor), tensor._version
    return tensor


def _accumulate(optimizer, count, gradients, variables):
    """What Keras does with the gradients of a batch, without an average."""
    steps = optimizer.gradient_accumulation_steps
    sums = [
        optimizer._accumulated_gradients[optimizer._get_variable_index(v)]
        for v in variables
    ]
    if (count.read() + 1) % steps:
        optimizer._backend_increment_gradient_accumulators(gradients, sums)
        return
    gradients = [
        (gradient + total.value) / steps
        for gradient, total in zip(gradients, sums, strict=True)
    ]
    gradients = optimizer._clip_gradients(gradients)
    optimizer._apply_weight_decay(variables)
    optimizer._backend_update_step(
        gradients, variables, optimizer.learning_rate
    )
    optimizer._backend_reset_gradient_accumulators()
