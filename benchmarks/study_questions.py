"""What a study asks the frozen features of an encoder."""

import dataclasses
import hashlib
import pathlib
import shlex


@dataclasses.dataclass(frozen=True)
class Question:
    """A column of the study: what the frozen features are asked.

    Args:
        column: str, its name in the tables.
        task: str, as for `recipes/probe.py --task`.
        readout: str, as for its `--readout`.
        data: path of the task's files, or `None`.
        about: str, the labelled set, wherever its files are. Defaults to none.
        task_args: str, as for `--task_args`. Defaults to none.
        readout_args: str, as for `--readout_args`. Defaults to none.
        parted: bool, whether answers are kept per group, such as per speaker.
            Defaults to `False`.
        clip_flags: str, frames and size of its clips. Defaults to none: those
            that the encoder is made for.
        split: `"selection"` or `"final"`, which its results are named by.
            Defaults to `"final"`.
        on_curve: bool, whether runs of all lengths are asked. Defaults to
            `False`: those of full length.
        repeats: int, readouts that are trained from other starts. The score is
            their mean. Defaults to `1`.
        repeat: int, which of them this is. Defaults to `0`, the first, whose
            seed is that of the run.
        repeat_seed: int, the seed of its readout, unless it is the first.
            Defaults to `0`.
    """

    column: str
    task: str
    readout: str
    data: pathlib.Path | None = None
    about: str = ""
    task_args: str = ""
    readout_args: str = ""
    parted: bool = False
    clip_flags: str = ""
    split: str = "final"
    on_curve: bool = False
    repeats: int = 1
    repeat: int = 0
    repeat_seed: int = 0

    def each(self, seed: int) -> list["Question"]:
        """The question for each of its readouts.

        Args:
            seed: int, of the run.
        """
        return [
            dataclasses.replace(
                self, repeat=repeat, repeat_seed=100 * repeat + seed
            )
            for repeat in range(self.repeats)
        ]

    @property
    def name(self) -> str:
        """The folder of its results, which no other protocol shares."""
        repeat = f"-{self.repeat}" if self.repeat else ""
        name = f"{self.split}-{self.column}-{self.protocol}{repeat}"
        return name.replace(" ", "_")

    @property
    def protocol(self) -> str:
        """What is asked and how, but not where files are: a hash of it."""
        asked = (
            *(self.about, self.task, self.readout),
            *(self.task_args, self.readout_args),
            *(self.clip_flags, self.repeats),
        )
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:8]

    @property
    def metric(self) -> str:
        """What is reported of it."""
        return "abs_rel" if self.is_depth else "top1"

    @property
    def is_depth(self) -> bool:
        """Whether less is better."""
        return self.task in ("scannet", "scenes_depth")

    @property
    def task_flags(self) -> str:
        """Flags that name the task, for probing and for fine-tuning."""
        data = f"--data={shlex.quote(str(self.data))} " if self.data else ""
        return (
            f"--task={self.task} {data}{self.clip_flags} "
            f"--task_args={self.task_args}"
        )

    def command(self, encoder, out) -> str:
        """The command that asks it."""
        words = [self.readout_args] if self.readout_args else []
        words += [f"seed={self.repeat_seed}"] if self.repeat else []
        readout_args = f"--readout_args={','.join(words)} " if words else ""
        return (
            f"recipes/probe.py --encoder={shlex.quote(str(encoder))} "
            f"{self.task_flags} --readout={self.readout} {readout_args}"
            f"--out={shlex.quote(str(out))}"
        )
