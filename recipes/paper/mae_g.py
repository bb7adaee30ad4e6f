"""4DS-G, a masked auto-encoder of 1.8 billion parameters, without a freeze.

    KERAS_BACKEND=jax python recipes/paper/mae_g.py --data=/videos \\
        --distribution=data --run_dir=runs/mae_g

Published, LayerLock (arXiv 2509.10156), Table 1: SSv2 63.1, Kinetics-700 52.1
(top-1), ScanNet depth error 1.02; frozen features, cross-attention readout.

--plan: 2.4 ZFLOPs in matrix products, peak memory 1,123 GiB for a whole
batch. The batch is that of all devices together; on fewer, --batch_size times
--accumulation may be 2048. Nobody has measured the hours with this package.

Learning rate, weight decay, warm-up and mini warm-up are not published.
Which positions the paper's baseline has is not known: rotary ones are ours.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_gigantic",  # 4DS: 1664 wide, 48 blocks, 4 decode
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
    steps=480_000,  # LayerLock: 1 billion clips
    batch_size=2048,  # LayerLock: about 2048
    mixed_precision="bfloat16",  # ours
    # Ours, see --plan: learning_rate, warmup_steps, weight_decay,
    # gradient_clip.
    schedule="never",
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
