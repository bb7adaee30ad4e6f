"""A masked auto-encoder with LayerLock: README's second row.

    KERAS_BACKEND=jax python recipes/comparison/mae_layerlock.py \\
        --run_dir=runs/mae_layerlock

Expect, over seeds 0 to 2 (--seed): appearance 0.656 ± 0.040, motion
0.893 ± 0.051, depth error 0.242 ± 0.004. These are scores of frozen features
under attentive readouts with one learning rate; `recipes/probe.py` chooses
among several and gets a little more out. Chance is 0.125 for both accuracies.

--plan: 16.2 TFLOPs (3.9 % more than without a freeze) in matrix products, peak
memory 34.7 MiB. A run of 2000 steps took 187 s on one core of two that were
busy: about ten minutes for 6000.

Source: docs/scenes.md, grid 7. All runs and probes of that grid:

    KERAS_BACKEND=jax python benchmarks/claims.py --grids=7

The noise of the clips was drawn otherwise then: repeats differ slightly.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    preset="video_vit_nano",
    data="scenes",
    frames=8,
    size=32,
    mask="random",
    mask_ratio=0.75,
    objective="mae",
    target="latents",  # the newest frozen layer
    schedule="linear",
    start_step=3600,  # 60 % of the steps
    interval=480,
    layers_per_event=1,
    max_frozen_layers=4,  # 70 % of the six that do not decode
    steps=6000,
    batch_size=16,
    learning_rate=3e-3,
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
