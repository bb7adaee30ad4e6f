"""Freezes layers of a model during training."""

import keras

from layerlock import backends
from layerlock.backends import optimizer as optimizer_state
from layerlock.core.freezing.schedules import FreezeSchedule


class FreezableModel:
    """A model that defines which of its layers freeze, and in which order.

    `MaskedPretraining` is one. For any other model, pass a list of layers to
    `FreezeScheduler`.

    Attributes:
        frozen_layers: int, number of frozen layers.

    Example:

    >>> import layerlock
    >>> class Tower(FreezableModel, keras.Sequential):
    ...     @property
    ...     def freezable_layers(self):
    ...         return self.layers[:-1]
    ...     def enter_stage(self, frozen_layers, reset_head=False):
    ...         self.frozen_layers = frozen_layers
    ...         return []
    >>> model = Tower([keras.layers.Dense(2), keras.layers.Dense(1)])
    >>> model.build((None, 2))
    >>> model.compile(optimizer="adamw", loss="mse")
    >>> schedule = layerlock.PiecewiseFreezeSchedule([(5, 1)])
    >>> FreezeScheduler(schedule, model).update(5)
    True
    >>> [layer.trainable for layer in model.layers]
    [False, True]
    """

    frozen_layers = 0

    @property
    def freezable_layers(self) -> list:
        """Layers, or tuples of layers that freeze together, bottom first."""
        raise NotImplementedError

    def check_stages(self, frozen_layers: int):
        """Raises if a stage up to `frozen_layers` is not possible."""

    def config_at(self, frozen_layers: int) -> dict:
        """Returns `get_config` of the model with that many frozen layers."""
        return {**self.get_config(), "frozen_layers": frozen_layers}

    def enter_stage(self, frozen_layers: int, reset_head: bool = False) -> list:
        """Prepares the model for a stage, before variables are frozen.

        It must leave the model unchanged if it raises an error.

        Returns:
            Variables that were re-initialised.
        """
        raise NotImplementedError


class FreezeScheduler:
    """Applies a `FreezeSchedule` to a model: layers freeze, nothing thaws.

    A freeze sets `layer.trainable = False` on the lowest layers and removes
    their variables from the optimizer. All other statistics of the optimizer
    are carried over bit for bit. The compiled step is dropped, so that the next
    batch runs a smaller one. Inside `model.fit`, use the `LayerLock` callback;
    in a custom loop, call `update` after every optimizer step.

    Reference: LayerLock (arXiv 2509.10156), section 3.

    Args:
        schedule: a `FreezeSchedule`.
        model: a compiled `keras.Model`.
        layers: list of layers, or of tuples of layers that freeze together,
            bottom first. Defaults to `model.freezable_layers` of a
            `FreezableModel`.
        head_reset: bool, re-initialise the target head whenever the target
            moves. Defaults to `False`.

    Raises:
        ValueError: if the schedule freezes more layers than there are, or
            the optimizer's state is not supported.

    Example:

    >>> import layerlock, numpy as np
    >>> model = keras.Sequential([keras.layers.Dense(2) for _ in range(3)])
    >>> model.compile(optimizer="adamw", loss="mse")
    >>> schedule = layerlock.PiecewiseFreezeSchedule([(2, 1)])
    >>> scheduler = FreezeScheduler(schedule, model, layers=model.layers[:2])
    >>> x = np.ones((1, 2), "float32")
    >>> for step in (1, 2, 3):
    ...     logs = model.train_on_batch(x, x)
    ...     if scheduler.update(step):
    ...         print(f"step {step}: {scheduler.frozen_layers} frozen")
    step 2: 1 frozen
    """

    def __init__(
        self,
        schedule: FreezeSchedule,
        model: keras.Model,
        layers: list | None = None,
        head_reset: bool = False,
    ):
        if layers is None and not isinstance(model, FreezableModel):
            raise ValueError(
                f"{type(model).__name__} is no `FreezableModel`. Pass the "
                "layers to freeze, bottom first: "
                "LayerLock(schedule, layers=[...])."
            )
        if layers is not None and isinstance(model, FreezableModel):
            raise ValueError(
                f"{type(model).__name__} defines its freezable layers itself, "
                "because its targets depend on them. Received: layers="
                f"{layers}. Leave `layers` out."
            )
        if model.optimizer is None:
            raise ValueError(
                "The model has no optimizer. Call `model.compile(optimizer="
                "...)` before layers are frozen."
            )
        self.schedule = schedule
        self.model = model
        self.layers = [
            keras.tree.flatten(unit)
            for unit in (model.freezable_layers if layers is None else layers)
        ]
        self.head_reset = head_reset
        self.frozen_layers = model.frozen_layers if layers is None else 0
        most = schedule.max_layers()
        if most > len(self.layers):
            raise ValueError(
                f"The schedule freezes up to {most} layers, but only "
                f"{len(self.layers)} may freeze. Received: schedule="
                f"{schedule}. Lower its number of layers; blocks that decode "
                "are never frozen."
            )
        if layers is None:
            model.check_stages(most)
        if model.optimizer.built:
            optimizer_state.check_optimizer(model.optimizer)

    def update(self, step: int) -> bool:
        """Freezes as many layers as the schedule does after `step` updates.

        Args:
            step: int, optimizer updates done so far.

        Returns:
            Whether layers were frozen.
        """
        frozen_layers = self.schedule.frozen_layers(step)
        if frozen_layers <= self.frozen_layers:
            return False
        self.freeze(frozen_layers)
        return True

    def freeze(self, frozen_layers: int):
        """Freezes the first `frozen_layers` layers, from the next batch on.

        Args:
            frozen_layers: int, between the number already frozen and the
                number of layers.

        Raises:
            ValueError: if a layer would thaw, there are too few layers, the
                model cannot enter the stage, or the optimizer's state is not
                supported.
            Exception: whatever the optimizer's `build` raises. Nothing has
                changed after an error.
        """
        if not self.frozen_layers <= frozen_layers <= len(self.layers):
            raise ValueError(
                f"Layers never thaw, and {len(self.layers)} may freeze. "
                f"Received: frozen_layers={frozen_layers} while "
                f"{self.frozen_layers} are frozen."
            )
        model = self.model
        if isinstance(model, FreezableModel):
            model.check_stages(frozen_layers)
        backends.sync_state(model)
        trained = model.trainable_variables
        with backends.variable_scope(model):
            layers = keras.tree.flatten(self.layers[:frozen_layers])
            if model.optimizer.built:
                # Checked first, so that an error leaves the model unchanged,
                # and at every freeze: the optimizer may have been replaced.
                optimizer_state.check_rebuild(
                    model.optimizer, _without(trained, layers)
                )
            fresh = []
            if isinstance(model, FreezableModel):
                fresh = model.enter_stage(frozen_layers, self.head_reset)
            if model.optimizer.built:
                optimizer_state.rebuild_optimizer(
                    model.optimizer,
                    _without(model.trainable_variables, layers),
                    fresh,
                )
            for layer in layers:
                layer.trainable = False
        self.frozen_layers = frozen_layers
        frozen = [v for v in trained if not v.trainable]
        backends.renew_step(model, frozen)


def _without(variables, layers) -> list:
    """Returns the variables that belong to none of the layers."""
    left_out = {id(v) for layer in layers for v in layer.variables}
    return [v for v in variables if id(v) not in left_out]
