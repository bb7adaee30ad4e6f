"""Trains an encoder and a readout end to end on a labelled task.

    KERAS_BACKEND=jax python recipes/finetune.py --encoder=runs/scenes
    KERAS_BACKEND=torch python recipes/finetune.py --encoder=runs/mine \\
        --task=folder --data=/videos --schedule=linear --layer_decay=1

Lower blocks learn more slowly (layer-wise learning-rate decay, arXiv
2003.10555), or freeze one after the other with --schedule. The supervised
reference is --encoder=random:PRESET. The validation split selects nothing: the
last step is measured on the test split, with a 95 % bootstrap interval.
`encoder/`, `finetune.json` and `report.html` are written to --out.
"""

from layerlock import cli
from layerlock.config import FinetuneConfig

CONFIG = FinetuneConfig.of(
    task="scenes_motion",
    readout="attentive",
    steps=1000,
    layer_decay=0.75,
)

if __name__ == "__main__":
    cli.run("finetune", config=CONFIG, doc=__doc__)
