"""SALT, first run: an encoder that predicts pixels, which will teach.

    KERAS_BACKEND=jax python recipes/salt/pixels.py --data=/videos \\
        --distribution=data --run_dir=runs/salt_pixels

Then `recipes/salt/student.py`. SALT (arXiv 2509.24317) replaces the moving
average of V-JEPA by an encoder that was trained before, on pixels under the
masks of V-JEPA. Published: of 240,000 steps in all, 40,000 for the teacher and
200,000 for the student are best, and a small teacher is enough.

--plan: 194 EFLOPs in matrix products, peak memory 2,327 GiB for a whole batch.
The batch is that of all devices together. Nobody has measured hours or scores
with this package.

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
    objective="vjepa",  # SALT: the predictor of V-JEPA
    teacher="frozen",  # SALT: no moving average
    objective_args={
        "target_layer": 0,  # SALT: pixels
        "normalize_targets": True,  # ours: each patch, as MAE
        "loss_type": "l2",  # ours: as VideoMAE
    },
    mask="multiblock",  # SALT: the masks of V-JEPA
    steps=40_000,  # SALT
    batch_size=3072,  # V-JEPA
    learning_rate=6.25e-4,  # V-JEPA
    warmup_steps=12_000,  # V-JEPA
    weight_decay=0.04,  # V-JEPA: its first value
    mixed_precision="bfloat16",  # V-JEPA
    schedule="never",
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
