"""Procedural clips as those of a study."""

from grid import PROBE_SEED
from study_questions import Question


class Scenes:
    """Procedural clips, which need no folder."""

    name = "scenes"
    contents = "scenes"  # There are no other ones.
    place = "procedural clips"
    main = ""  # There are no sets.

    def __init__(self, frames: int, size: int, quick: bool = False):
        self.clip_flags = f"--frames={frames} --size={size}"
        self.quick = quick

    @property
    def flags(self) -> str:
        """Flags of `recipes/pretrain.py` for these clips."""
        return self.clip_flags

    def questions(self, split: str) -> list[Question]:
        """The columns of the study.

        Args:
            split: `"selection"`, clips that settings are chosen by, or
                `"final"`.
        """
        # Settings are chosen on other clips than those of the end.
        seed = PROBE_SEED + (split == "selection")
        args = f"seed={seed}"
        if self.quick:
            args += ",num_train=128,num_validation=64,num_test=64"
        steps = "steps=20," if self.quick else ""

        def ask(column, task, rate, on_curve=False):
            return Question(
                column,
                task,
                "attentive",
                task_args=args,
                clip_flags=self.clip_flags,
                readout_args=f"{steps}learning_rates=({rate},)",
                split=split,
                on_curve=on_curve,
            )

        return [
            ask("motion", "scenes_motion", "2e-3", on_curve=True),
            ask("appearance", "scenes_appearance", "2e-3"),
            ask("depth error", "scenes_depth", "1e-2"),
        ]
