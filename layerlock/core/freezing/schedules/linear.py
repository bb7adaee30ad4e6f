"""Freeze layers at a constant rate."""

from layerlock.core.freezing.schedules.base import FreezeSchedule, positive_int


class LinearFreezeSchedule(FreezeSchedule):
    """Freezes `layers_per_event` layers every `interval` steps.

    `frozen_layers(step)` is 0 before `start_step`, and from there on

        min((1 + (step - start_step) // interval) * layers_per_event,
            max_frozen_layers)

    The defaults are the paper's schedule for its 48-layer ViT-G. Start when
    the parameter norms of the first layers flatten.

    Reference: [LayerLock, Erdogan et al., 2025](
    https://arxiv.org/abs/2509.10156).

    Args:
        start_step: int, in optimizer steps. The first event. Defaults to
            `160_000`.
        interval: int, in optimizer steps, from one event to the next.
            Defaults to `10_000`.
        layers_per_event: int, layers that freeze together. More than 1 was
            worse in the paper. Defaults to `1`.
        max_frozen_layers: int, maximum number of frozen layers. Defaults to
            `32`.

    Example:

    >>> schedule = LinearFreezeSchedule(start_step=100, interval=10,
    ...                                 max_frozen_layers=3)
    >>> [schedule.frozen_layers(step) for step in (0, 99, 100, 110, 500)]
    [0, 0, 1, 2, 3]
    """

    def __init__(
        self,
        start_step: int = 160_000,
        interval: int = 10_000,
        layers_per_event: int = 1,
        max_frozen_layers: int = 32,
    ):
        self.start_step = positive_int(
            "start_step",
            start_step,
            "optimizer steps",
            "Nothing can be frozen at step 0: "
            "set `trainable = False` on such layers yourself.",
        )
        self.interval = positive_int(
            "interval",
            interval,
            "optimizer steps",
            "To freeze every layer at once, use "
            "`PiecewiseFreezeSchedule([(step, num_layers)])`.",
        )
        self.layers_per_event = positive_int(
            "layers_per_event",
            layers_per_event,
            "layers",
            "To freeze nothing, use `NeverFreezeSchedule()`.",
        )
        self.max_frozen_layers = positive_int(
            "max_frozen_layers",
            max_frozen_layers,
            "layers",
            "To freeze nothing, use `NeverFreezeSchedule()`.",
        )

    def frozen_layers(self, step):
        if step < self.start_step:
            return 0
        num_events = 1 + (step - self.start_step) // self.interval
        return min(num_events * self.layers_per_event, self.max_frozen_layers)

    def get_config(self):
        return {
            "start_step": self.start_step,
            "interval": self.interval,
            "layers_per_event": self.layers_per_event,
            "max_frozen_layers": self.max_frozen_layers,
        }
