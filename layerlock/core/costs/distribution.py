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
        float8: bool = False,
        joins_frozen: bool = False,
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
                gradients that are sent in shards. Gradients of whole weights
                are sent as float32. Defaults to `4`.
            float8: bool, as for `StepMemory.of`. Defaults to `False`.
            joins_frozen: bool, whether shards of frozen weights are joined on
                every device, see `backends.joins_frozen`. Defaults to
                `False`.

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
            float8,
        )
        data, model = mesh
        parts = model * (data if is_sharded else 1)
        joined = 0
        sent = _summed(sizes, frozen_layers, target_layers)
        if is_sharded and joins_frozen:
            joined = FLOAT32 * _joined(sizes, frozen_layers)
            sent = _gathered_by_use(sizes, frozen_layers, target_layers)
        elif is_sharded:
            sent += _gathered_once(sizes, frozen_layers, target_layers)
        share = (1 - 1 / data) / model
        sent *= bytes_per_number if is_sharded else FLOAT32
        return cls(
            StepMemory(
                weights=joined + (whole.weights - joined) // parts,
                gradients=whole.gradients // parts,
                slots=whole.slots // parts,
                activations=whole.activations // data,
                copies=whole.copies // parts,
            ),
            round(sent * share),
        )


def _joined(sizes, frozen_layers) -> int:
    """Number of weights that are whole on every device."""
    frozen = memory.num_frozen(sizes, frozen_layers)
    return frozen + memory.num_fixed(sizes)


def _summed(sizes, frozen_layers, target_layers) -> int:
    """Numbers sent for the sum of gradients: a scatter and a gather."""
    return 2 * memory.num_trained(sizes, frozen_layers, target_layers)


def _gathered_once(sizes, frozen_layers, target_layers) -> int:
    """Numbers sent for the forward pass, where a compiler sees all uses.

    Shards need no gather of the sum: `_summed` counts the one of the backward
    pass instead.
    """
    used = memory.num_weights(sizes, frozen_layers)
    deepest = max(target_layers, default=0)
    if sizes.has_teacher:
        # Blocks above the target are not computed.
        idle = sizes.encoder.num_layers - max(deepest, frozen_layers)
        used -= idle * sizes.encoder.block_weights
    elif sizes.fixed_teacher is None:
        # The target pass gathers blocks of the encoder, too.
        used += deepest * sizes.encoder.block_weights
    return used


def _gathered_by_use(sizes, frozen_layers, target_layers) -> int:
    """Numbers sent where each use of a weight gathers it.

    Each kind of mask gathers what is trained for its forward pass, and
    scatters the sum of its gradients. Blocks gather their weights for the
    backward pass, too; the others are kept for it.
    """
    encoder, predictor = sizes.encoder, sizes.predictor
    blocks = (encoder.num_layers - frozen_layers) * encoder.block_weights
    if predictor is not None:
        blocks += predictor.num_layers * predictor.block_weights
    per_kind = _summed(sizes, frozen_layers, target_layers) + blocks
    targets = _gathered_for_targets(sizes, frozen_layers, target_layers)
    return len(sizes.masks) * per_kind + targets


def _gathered_for_targets(sizes, frozen_layers, target_layers) -> int:
    """Numbers sent in the target passes, where each use gathers a weight."""
    deepest = max(target_layers, default=0)
    if not deepest or sizes.fixed_teacher is not None:
        return 0
    encoder = sizes.encoder
    blocks = max(deepest - frozen_layers, 0) * encoder.block_weights
    embedding = 0
    if sizes.has_teacher or not frozen_layers:
        embedding = memory.num_embedding(sizes, encoder)
    if sizes.target_gradient:
        blocks, embedding = 3 * blocks, 2 * embedding
    passes = 1 if sizes.target_context == "clip" else len(sizes.masks)
    return passes * (blocks + embedding)
