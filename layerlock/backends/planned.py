"""What a step costs that is compiled and never run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Collective:
    """An exchange between devices in a compiled step.

    Args:
        kind: `"all-gather"`, `"all-reduce"`, `"reduce-scatter"`,
            `"all-to-all"` or `"collective-permute"`.
        bytes: int, of the tensor that is exchanged: of the gathered one, or of
            the one that is summed.
        group_size: int, devices that exchange it.
        path: str, of the layer and the operation.
    """

    kind: str
    bytes: int
    group_size: int
    path: str

    @property
    def bytes_sent(self) -> int:
        """Bytes that a device sends, with algorithms that send the least."""
        rounds = 2 if self.kind == "all-reduce" else 1
        if self.kind == "collective-permute":
            return self.bytes
        return round(rounds * self.bytes * (1 - 1 / self.group_size))


@dataclasses.dataclass(frozen=True)
class PlannedStep:
    """What a device holds and sends in a step that is compiled and never run.

    Args:
        weight_bytes: int, of encoder, predictor, teacher and counters.
        slot_bytes: int, of the optimizer.
        scratch_bytes: int, what the program needs beside its arguments:
            activations, gathered weights and gradients.
        collectives: tuple of `Collective`.
    """

    weight_bytes: int
    slot_bytes: int
    scratch_bytes: int
    collectives: tuple

    @property
    def state_bytes(self) -> int:
        """Weights and slots."""
        return self.weight_bytes + self.slot_bytes

    def bytes_sent(self, kind: str | None = None) -> int:
        """Bytes that a device sends, by a kind of exchange or in all."""
        return sum(
            one.bytes_sent
            for one in self.collectives
            if kind in (None, one.kind)
        )
