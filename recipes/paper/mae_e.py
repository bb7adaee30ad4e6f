"""4DS-e, a masked auto-encoder of 3.8 billion parameters, without a freeze.

    KERAS_BACKEND=jax python recipes/paper/mae_e.py --data=/videos \\
        --distribution=data --run_dir=runs/mae_e

Published, LayerLock (arXiv 2509.10156), Table 1: SSv2 64.6, Kinetics-700 54.4
(top-1), ScanNet depth error 0.94; frozen features, cross-attention readout.

--plan: 4.34 ZFLOPs in matrix products, peak memory 1,828 GiB for a whole
batch. The batch is that of all devices together; on fewer, --batch_size times
--accumulation may be 2048. Nobody has measured the hours with this package.

Learning rate, weight decay, warm-up and mini warm-up are not published.
Which positions the paper's baseline has is not known: rotary ones are ours.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_enormous",  # 4DS: 1792 wide, 56 blocks, 4 decode
    positions="rotary",  # ours: as with LayerLock
    patch_size=(2, 16, 16),  # 4DS
    data="videos",  # pass --data=FOLDER
    frames=16,  # 4DS
    size=224,  # 4DS
    objective="mae",  # 4DS
    target_fraction=1.0,  # ours
    objective_args={"normalize_pixels": False},  # 4DS
    mask="random",  # 4DS
    mask_ratio=0.95,  # 4DS
    steps=480_000,  # ours: as for G
    batch_size=2048,  # LayerLock: about 2048
    mixed_precision="bfloat16",  # ours
    # Ours, see --plan: learning_rate, warmup_steps, weight_decay,
    # gradient_clip.
    schedule="never",
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
