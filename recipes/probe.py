"""Judges a frozen encoder by what a small network reads from its features.

    KERAS_BACKEND=jax python recipes/probe.py --encoder=runs/scenes
    KERAS_BACKEND=torch python recipes/probe.py --encoder=runs/mine \\
        --task=folder --data=/videos --readout=knn

LayerLock (arXiv 2509.10156), section 4. Settings of the readout are chosen by
a validation split; scores are measured on the test split, with a 95 %
bootstrap interval. `probe.json` and `report.html` are written to --out. With
the defaults about two minutes on two CPU cores.
"""

from layerlock import cli
from layerlock.config import ProbeConfig

CONFIG = ProbeConfig.of(
    task="scenes_motion",
    readout="attentive",
    layer="0.95",  # section 4: the output at 95 % of the depth
)

if __name__ == "__main__":
    cli.run("probe", config=CONFIG, doc=__doc__)
