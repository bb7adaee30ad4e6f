"""A masked auto-encoder without a freeze: README's first row.

    KERAS_BACKEND=jax python recipes/comparison/mae.py \\
        --run_dir=runs/mae

Expect, over seeds 0 to 2 (--seed): appearance 0.622 ± 0.022, motion
0.881 ± 0.127, depth error 0.227 ± 0.016. These are scores of frozen features
under attentive readouts with one learning rate; `recipes/probe.py` chooses
among several and gets a little more out. Chance is 0.125 for both accuracies.

--plan: 15.6 TFLOPs in matrix products, peak memory 34.7 MiB. No time was
recorded. LayerLock's first 2000 steps took 187 s on one core of two that were
busy; a step costs 4 % less here.

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
    schedule="never",
    steps=6000,
    batch_size=16,
    learning_rate=3e-3,
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
