"""Memory and communication of one device of several, from sizes alone."""

import dataclasses

from layerlock.core.costs import memory
from layerlock.core.costs.flops import StepSizes
from layerlock.core.costs.memory import FLOAT32, StepMemory


@dataclasses.dataclass(frozen=True)
class DeviceCost:
    """A device's part of a step, in bytes.

    An estimate, as `StepMemory` is. Gathered weights are left out: a device
    holds the weights of one or two blocks at a time.

    Args:
        memory: `StepMemory` of the device.
        bytes_sent: int, in collectives, with the algorithms that send the
            fewest bytes.
    """

    memory: StepMemory
    bytes_sent: int

    @classmethod
    def of(
        cls,
        sizes: StepSizes,
        mesh: tuple,
        is_sharded: bool,
        frozen_layers: int = 0,
        target_layers: tuple = (0,),
        num_slots: int = 2,
        bytes_per_number: int = FLOAT32,
    ) -> "DeviceCost":
        """Estimates the part of a device at a stage.

        Args:
            sizes: `StepSizes` of the model, with the whole batch.
            mesh: devices along the data axis, which split the batch, and
                along the model axis, which split each block. Bytes sent along
                the model axis are left out.
            is_sharded: bool, whether weights, gradients and slots are split
                along the data axis, too: `distribution=fsdp`.
            frozen_layers: int. Defaults to `0`.
            target_layers: tuple of ints, 0 being the pixels. Defaults to
                `(0,)`.
            num_slots: int, optimizer slots per trained weight. Defaults to `2`.
            bytes_per_number: int, of an activation, and of weights and
                gradients that are sent. Defaults to `4`.

        Example:

        >>> from layerlock.core.costs.flops import BlockSizes
        >>> sizes = StepSizes(BlockSizes(4, 64, 256), 1, 96, 64, ((16, 48),))
        >>> DeviceCost.of(sizes, (8, 1), True).memory.weights * 8 == (
        ...     StepMemory.of(sizes).weights)
        True
        """
        whole = StepMemory.of(
            sizes,
            frozen_layers,
            target_layers,
            num_slots,
            bytes_per_number,
        )
        data, model = mesh
        parts = model * (data if is_sharded else 1)
        trained = memory.num_trained(sizes, frozen_layers, target_layers)
        numbers = 2 * trained  # sum of the gradients: a scatter and a gather
        if is_sharded:
            used = memory.num_weights(sizes, frozen_layers)
            if not sizes.has_teacher and sizes.fixed_teacher is None:
                # The target pass gathers blocks of the encoder, too.
                deepest = max(target_layers, default=0)
                used += deepest * sizes.encoder.block_weights
            numbers += used  # forward; backward; the sum of the gradients
        share = (1 - 1 / data) / model
        return cls(
            StepMemory(
                weights=whole.weights // parts,
                gradients=whole.gradients // parts,
                slots=whole.slots // parts,
                activations=whole.activations // data,
                copies=whole.copies // parts,
            ),
            round(numbers * bytes_per_number * share),
        )
