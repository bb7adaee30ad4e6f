"""4DS-G with LayerLock: 1.8 billion parameters, 32 layers freeze.

    KERAS_BACKEND=jax python recipes/paper/mae_g_layerlock.py --data=/videos \\
        --distribution=data --run_dir=runs/mae_g_layerlock

Published, LayerLock (arXiv 2509.10156), Table 1: SSv2 66.1, Kinetics-700 56.3
(top-1), ScanNet depth error 1.00; frozen features, cross-attention readout.
Without freezes (`mae_g.py`): 63.1, 52.1 and 1.02.

--plan: 3.75 ZFLOPs (56.3 % more than without a freeze) in matrix products,
peak memory 1,123 GiB for a whole batch. The batch is that of all devices
together; on fewer, --batch_size times --accumulation may be 2048. Nobody has
measured the hours with this package.

The schedule is the published one of ViT-G.
Learning rate, weight decay, warm-up and mini warm-up are not published.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_gigantic",  # 4DS: 1664 wide, 48 blocks, 4 decode
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
    steps=480_000,  # LayerLock: 1 billion clips
    batch_size=2048,  # LayerLock: about 2048
    mixed_precision="bfloat16",  # ours
    # Ours, see --plan: learning_rate, warmup_steps, weight_decay,
    # gradient_clip, mini_warmup_steps.
    schedule="linear",  # LayerLock, section 3
    start_step=160_000,  # LayerLock, for ViT-G
    interval=10_000,  # LayerLock, for ViT-G
    layers_per_event=1,  # LayerLock: one at a time is best
    max_frozen_layers=32,  # LayerLock, for ViT-G: two thirds
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
