"""Lets a large encoder teach a small one on own videos.

    KERAS_BACKEND=jax python recipes/distill.py --data=/videos \\
        --teacher=runs/imported --run_dir=runs/distilled

The student predicts the last layer of the teacher at hidden patches of the
clip. The teacher processes the whole clip, in its own precision, and never
changes: it is no part of checkpoints, and the exported encoder is the student.
It may be an import such as V-JEPA 2-g, a run, or an exported encoder, of any
width and depth, with the same patches. `--objective_args=target_layer=30`
selects another layer. `--plan` and the report have its share of the FLOPs.

The loss and the masks are V-JEPA's (arXiv 2404.08471), the fixed teacher is
that of SALT (arXiv 2509.24317); all other settings are ours. Nobody has
measured hours or scores with this package. Expect a prediction_cosine in the
log that rises, and a verdict of "healthy".
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_small",
    patch_size=(2, 16, 16),  # the teacher's
    data="videos",  # pass --data=FOLDER
    frames=16,
    size=256,
    objective="vjepa",
    teacher="runs/imported",  # pass --teacher=FOLDER
    mask="multiblock",
    steps=50_000,
    batch_size=256,
    mixed_precision="bfloat16",
    schedule="linear",  # layers of the student freeze after 60 % of the steps
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
