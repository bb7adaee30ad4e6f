"""Checkpoints of weights in parts: `torch.distributed.checkpoint`.

It is imported once it is needed, as it takes long.
"""

import threading
import warnings

from layerlock.backends.contract import ProcessLost
from layerlock.backends.torch.distribution import parts, processes


class Writing:
    """Parts that are being written while training goes on.

    Args:
        folder: path, where they are written.
        tensors: dict by name, in memory that nobody else changes.
    """

    def __init__(self, folder, tensors):
        self.error = None
        self.thread = threading.Thread(
            target=self._write, args=(folder, tensors), name="checkpoint"
        )
        self.thread.start()

    def _write(self, folder, tensors):
        from torch.distributed import checkpoint

        # What each process writes changes at a freeze alone. Finding it again
        # takes as long as writing it.
        planner = checkpoint.DefaultSavePlanner(enable_plan_caching=True)
        try:
            with processes.watched():
                checkpoint.save(
                    tensors,
                    storage_writer=checkpoint.FileSystemWriter(folder),
                    planner=planner,
                    process_group=processes.background_group(),
                )
        except BaseException as error:
            self.error = error

    def wait(self):
        """Waits for the parts of all processes; raises what failed."""
        self.thread.join()
        if self.error is not None:
            raise _cause(self.error)


def save_shards(folder, variables):
    tensors = {name: _on_host(variable) for name, variable in variables.items()}
    return Writing(folder, tensors)


def load_shards(folder, variables, is_part=False):
    from torch.distributed import checkpoint

    from layerlock.backends.torch.distribution.shard_reader import ShardReader

    # The values are written into the memory of the weights.
    tensors = {name: _tensor(variable) for name, variable in variables.items()}
    try:
        with warnings.catch_warnings(), processes.watched():
            # One process is meant to read alone.
            warnings.filterwarnings("ignore", "torch.distributed is disabled")
            checkpoint.load(
                tensors,
                storage_reader=ShardReader(folder),
                process_group=processes.background_group(),
                no_dist=processes.process_count() == 1,
            )
    except ProcessLost:
        raise
    except (
        checkpoint.CheckpointException,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise ValueError(
            f"{folder} holds parts of another model, or is damaged: "
            f"{_cause(error)!r}. Remove it to resume from an earlier "
            "checkpoint."
        ) from error


def _tensor(variable):
    part, value = parts.part_of(variable), variable.value.detach()
    return value if part is None else part.tensor(value)


def _on_host(variable):
    part, value = parts.part_of(variable), variable.value.detach()
    value = value.to("cpu", copy=True)
    return value if part is None else part.on_host().tensor(value)


def _cause(error):
    """The first error of a process, which PyTorch gathers from all."""
    failures = getattr(error, "failures", None) or {}
    return next((failure for failure, _ in failures.values()), error)
