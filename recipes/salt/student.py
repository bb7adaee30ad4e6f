"""SALT, second run: a student of any size, on a teacher that never changes.

    KERAS_BACKEND=jax python recipes/salt/student.py --data=/videos \\
        --teacher=runs/salt_pixels --distribution=data --run_dir=runs/salt

`--teacher` is the run of `recipes/salt/pixels.py`, or another encoder of the
same patches. The student predicts the teacher's last layer at hidden patches
(arXiv 2509.24317). `--preset` sets its size. Published: students are better
than those of V-JEPA 2 at the same FLOPs, which are the sum of both runs.

--plan: 1.7 ZFLOPs in matrix products, 43% of them by the teacher, peak memory
2,328 GiB for a whole batch. Both runs together: 1.89 ZFLOPs. The batch is that
of all devices together.
With --schedule=linear layers of the student freeze meanwhile (LayerLock); the
targets stay the same. Nobody has measured hours or scores with this package.

Marked SALT: published. Marked V-JEPA: its authors' settings (arXiv 2404.08471).
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_large",  # SALT: one of its sizes
    positions="rotary_qk",  # ours
    patch_size=(2, 16, 16),  # V-JEPA
    data="videos",  # pass --data=FOLDER
    frames=16,  # V-JEPA
    size=224,  # V-JEPA
    objective="vjepa",  # SALT: predictor and loss of V-JEPA
    teacher="runs/salt_pixels",  # pass --teacher=FOLDER
    objective_args={"target_layer": -1},  # SALT: the last layer
    mask="multiblock",  # SALT: the masks of V-JEPA
    steps=200_000,  # SALT
    batch_size=3072,  # V-JEPA
    learning_rate=6.25e-4,  # V-JEPA
    warmup_steps=12_000,  # V-JEPA
    weight_decay=0.04,  # V-JEPA: its first value
    mixed_precision="bfloat16",  # V-JEPA
    schedule="never",
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
