"""V-JEPA with LayerLock: the fourth row of README's table.

    KERAS_BACKEND=jax python recipes/comparison/vjepa_layerlock.py \\
        --run_dir=runs/vjepa_layerlock

Expect, over seeds 0 to 2 (--seed): appearance 0.267 ± 0.019, motion
0.442 ± 0.014, depth error 0.706 ± 0.003. These are scores of frozen features
under attentive readouts with one learning rate; `recipes/probe.py` chooses
among several and gets a little more out. Chance is 0.125 for both accuracies.

--plan: 24.4 TFLOPs (27.8 % less than without a freeze) in matrix products,
peak memory 57.4 MiB. No time was recorded; the run has 1.4 times the FLOPs of
LayerLock's.

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
    schedule="linear",
    start_step=3600,  # 60 % of the steps
    interval=360,
    layers_per_event=1,
    max_frozen_layers=6,  # 70 % of eight
    steps=6000,
    batch_size=16,
    learning_rate=3e-3,
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
