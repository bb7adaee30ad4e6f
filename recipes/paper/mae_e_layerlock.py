"""4DS-e with LayerLock: 3.8 billion parameters, 42 layers freeze.

    KERAS_BACKEND=jax python recipes/paper/mae_e_layerlock.py --data=/videos \\
        --distribution=data --run_dir=runs/mae_e_layerlock

Published, LayerLock (arXiv 2509.10156), Table 1: SSv2 67.1, Kinetics-700 57.9
(top-1), ScanNet depth error 0.98; frozen features, cross-attention readout.
Without freezes (`mae_e.py`): 64.6, 54.4 and 0.94.

--plan: 7.34 ZFLOPs (68.9 % more than without a freeze) in matrix products,
peak memory 1,828 GiB for a whole batch. The batch is that of all devices
together; on fewer, --batch_size times --accumulation may be 2048. Nobody has
measured the hours with this package.

Of the schedules only ViT-G's is published: start and interval are ours.
Learning rate, weight decay, warm-up and mini warm-up are not published.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_enormous",  # 4DS: 1792 wide, 56 blocks, 4 decode
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
    steps=480_000,  # ours: as for G
    batch_size=2048,  # LayerLock: about 2048
    mixed_precision="bfloat16",  # ours
    # Ours, see --plan: learning_rate, warmup_steps, weight_decay,
    # gradient_clip, mini_warmup_steps.
    schedule="linear",  # LayerLock, section 3
    start_step=160_000,  # ours: as for G
    interval=7_500,  # ours: 42 freezes before the end
    layers_per_event=1,  # LayerLock: one at a time is best
    max_frozen_layers=42,  # LayerLock: three quarters of the layers
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
