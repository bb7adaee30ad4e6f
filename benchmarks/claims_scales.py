"""What is compared in `docs/scenes.md`: encoders, clips and probes."""

import dataclasses

from grid import Probe

STEPS = 2000
OLD_RATE = "1.47e-3"


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large everything is.

    Args:
        preset: str, the encoder.
        flags: str, of `recipes/pretrain.py`, that all runs share.
        grids: tuple of ints, those whose rows fit.
        clip: tuple of 2 ints, frames and size of a clip, or `None` for what
            runs and probes have by default. Defaults to `None`.
        unnamed: str, further flags, which names of runs leave out. Defaults to
            none.
    """

    preset: str
    flags: str
    grids: tuple
    clip: tuple | None = None
    unnamed: str = ""

    @property
    def floors(self) -> dict:
        """What nothing was learned for: a name for each encoder."""
        return {
            "random encoder": f"random:{self.preset}",
            "raw pixels": f"pixels:{self.preset}",
        }

    @property
    def task_args(self) -> str:
        """Arguments of the probes' tasks, from a comma on."""
        if self.clip is None:
            return ""
        frames, size = self.clip
        return f",frames={frames},size={size}"


SCALES = {
    # The clips of `recipes/pretrain.py`'s default job, in twice as many steps:
    # what moves where is learned from them, by LayerLock too.
    "nano": Scale(
        "video_vit_nano",
        "--batch_size=16",
        (1, 2, 3, 4, 5, 6, 7, 8),
        # The default when `docs/results.json` was made: half of today's.
        unnamed=f"--learning_rate={OLD_RATE}",
    ),
    # For a GPU. As many patches across as above, of twice the size. Grids 4
    # and 5 have learning rates and batches for the scale above.
    "small": Scale(
        "video_vit_small",
        "--preset=video_vit_small --frames=16 --size=64 "
        "--batch_size=32 --mixed_precision=bfloat16 --workers=2",
        (1, 2, 3, 6),
        clip=(16, 64),
    ),
}
NANO = SCALES["nano"]

# One rate each, of those that `recipes/probe.py` tries.
FULL = {
    "appearance": Probe(
        "scenes_appearance",
        "attentive",
        "--readout_args=learning_rates=(2e-3,)",
    ),
    "motion": Probe(
        "scenes_motion",
        "attentive",
        "--readout_args=learning_rates=(2e-3,)",
    ),
    "depth error": Probe(
        "scenes_depth", "attentive", "--readout_args=learning_rates=(1e-2,)"
    ),
}
# Pooled features say nothing about motion here, not even to a logistic
# regression: the sweeps ask the attentive readout, and depth a linear one.
SWEEP = {
    "motion": FULL["motion"],
    "depth error": Probe(
        "scenes_depth",
        "linear",
        "--readout_args=steps=500,learning_rates=(3e-3,)",
    ),
}
