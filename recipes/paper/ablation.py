"""The best setting of LayerLock's ablations: a layer every 2000 steps, 3D RoPE.

    KERAS_BACKEND=jax python recipes/paper/ablation.py --data=/videos \\
        --distribution=data --run_dir=runs/ablation

Published, LayerLock (arXiv 2509.10156), ablations: SSv2 60.1, ScanNet depth
error 0.13 (in another unit than the main table's). Without LayerLock 58.9 and
0.13; without 3D RoPE, too, 56.1 and 0.15.

--plan: 255 EFLOPs (48.9 % more than without a freeze) in matrix products, peak
memory 667 GiB for a whole batch. The batch is that of all devices together; on
fewer, --batch_size times --accumulation may be 2048. Nobody has measured the
hours with this package.

The model and the length of the run are ours: Table 3 is about 4DS-H, and the
shares of the run before, between and after the freezes are those of ViT-G.
Learning rate, weight decay, warm-up and mini warm-up are not published.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_huge",  # ours: 1280 wide, 32 blocks, 4 decode
    positions="rotary",  # LayerLock: 3D RoPE on the tokens
    patch_size=(2, 16, 16),  # 4DS
    data="videos",  # pass --data=FOLDER
    frames=16,  # ours: 4DS's
    size=224,  # ours: 4DS's
    objective="mae",  # LayerLock, section 3
    target="latents",  # LayerLock, section 3: the newest frozen layer
    target_fraction=1.0,  # LayerLock: 100 % of the hidden patches is best
    objective_args={
        "normalize_pixels": False,  # 4DS
        "normalize_latents": True,  # ours
    },
    mask="random",  # 4DS
    mask_ratio=0.95,  # 4DS
    steps=72_000,  # ours
    batch_size=2048,  # LayerLock: about 2048
    mixed_precision="bfloat16",  # ours
    # Ours, see --plan: learning_rate, warmup_steps, weight_decay,
    # gradient_clip, mini_warmup_steps.
    schedule="linear",  # LayerLock, section 3
    start_step=24_000,  # ours: a third of the steps, as for G
    interval=2_000,  # LayerLock, ablation of the interval
    layers_per_event=1,  # LayerLock: several at once hurts
    max_frozen_layers=24,  # LayerLock: three quarters of the layers
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
