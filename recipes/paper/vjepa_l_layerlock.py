"""V-JEPA-L with LayerLock: 304 million parameters, 18 layers freeze.

    KERAS_BACKEND=jax python recipes/paper/vjepa_l_layerlock.py \\
        --data=/videos --distribution=data --run_dir=runs/vjepa_l_layerlock

Published, LayerLock (arXiv 2509.10156), Table 1: SSv2 57.0, Kinetics-700 43.5
(top-1), ScanNet depth error 1.51; frozen features, cross-attention readout.
Without freezes (`vjepa_l.py`): 52.1, 42.5 and 1.57.

--plan: 475 EFLOPs (37.9 % less than without a freeze) in matrix products, peak
memory 2,328 GiB for a whole batch. The batch is that of all devices together;
on fewer, --batch_size times --accumulation may be 3072. Nobody has measured
the hours with this package.

Marked V-JEPA: its authors' settings (arXiv 2404.08471, and vitl16.yaml in
facebookresearch/jepa); those of LayerLock's run are not published. No option
expresses three of them: weight decay rises to 0.4, the warm-up begins at 2e-4,
and the cosine is cut at 80 % of its length.
Ours: start and interval, and with them mini_warmup_steps.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_large",  # LayerLock: ViT-L
    positions="sincos",  # V-JEPA
    patch_size=(2, 16, 16),  # V-JEPA
    data="videos",  # pass --data=FOLDER
    frames=16,  # V-JEPA
    size=224,  # V-JEPA
    objective="vjepa",  # V-JEPA: 12 blocks of width 384 predict, L1 loss
    teacher="ema",  # LayerLock: better than freezing alone
    momentum=(0.998, 1.0),  # V-JEPA
    mask="multiblock",  # V-JEPA
    mask_args={
        "blocks": ((8, 0.15), (2, 0.7)),  # V-JEPA: two masks per clip
        "aspect_ratio": (0.75, 1.5),  # V-JEPA
    },
    steps=90_000,  # V-JEPA
    batch_size=3072,  # V-JEPA
    learning_rate=6.25e-4,  # V-JEPA
    warmup_steps=12_000,  # V-JEPA
    weight_decay=0.04,  # ours: V-JEPA's first value
    gradient_clip=10.0,  # V-JEPA
    mixed_precision="bfloat16",  # V-JEPA
    schedule="linear",  # LayerLock, section 3
    start_step=54_000,  # ours: 60 % of the steps (docs/scenes.md, grid 7)
    interval=1_600,  # ours: all freezes take 32 % of the steps
    layers_per_event=1,  # LayerLock: one at a time is best
    max_frozen_layers=18,  # LayerLock: three quarters of the layers
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
