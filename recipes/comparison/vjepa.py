"""V-JEPA without a freeze: the third row of README's table.

    KERAS_BACKEND=jax python recipes/comparison/vjepa.py \\
        --run_dir=runs/vjepa

Expect, over seeds 0 to 2 (--seed): appearance 0.251 ± 0.009, motion
0.403 ± 0.012, depth error 0.704 ± 0.002. These are scores of frozen features
under attentive readouts with one learning rate; `recipes/probe.py` chooses
among several and gets a little more out. Chance is 0.125 for both accuracies.

--plan: 33.8 TFLOPs in matrix products, peak memory 57.4 MiB. No time was
recorded; the run has twice the FLOPs of LayerLock's.

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
    mask="multiblock",
    objective="vjepa",
    teacher="ema",
    momentum=(0.9, 1.0),  # found in two shorter runs, and not searched for
    schedule="never",
    steps=6000,
    batch_size=16,
    learning_rate=3e-3,
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
