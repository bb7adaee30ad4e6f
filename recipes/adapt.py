"""Continues V-JEPA 2 on own videos, while its layers freeze from the bottom.

    KERAS_BACKEND=jax python recipes/adapt.py --data=/videos --fps=4 \\
        --init_from=runs/imported --run_dir=runs/adapted

`--init_from` is an exported encoder, such as an import of released weights, or
a run. Of a run, the moving average and the predictor go on, too; of an encoder
alone both begin anew, which a longer --warmup_steps helps. The first lines of
the run say what was carried over. The clips have the frames and the size of the
encoder, unless --frames and --size are set.

Marked V-JEPA 2: its authors' settings (arXiv 2506.09985, and
pretrain-256px-16f.yaml in facebookresearch/vjepa2); --fps=4 is theirs, too. The
rate is theirs for a batch of 3072, 5.25e-4, times the square root of the ratio
of the batches. Nobody has measured hours or scores with this package. Expect a
verdict of "healthy", and features that separate the own domain better than
before: compare `layerlock probe` of both encoders.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    init_from="runs/imported",  # pass --init_from=FOLDER
    data="videos",  # pass --data=FOLDER
    objective="vjepa",  # V-JEPA 2: 12 blocks of width 384 predict, L1 loss
    teacher="ema",  # V-JEPA 2
    momentum=(0.99925,),  # V-JEPA 2: constant
    objective_args={"target_layer": -1},  # V-JEPA 2: the last layer
    mask="multiblock",  # V-JEPA 2
    mask_args={
        "blocks": ((8, 0.15), (2, 0.7)),  # V-JEPA 2: two masks per clip
        "aspect_ratio": (0.75, 1.5),  # V-JEPA 2
    },
    steps=10_000,  # ours
    batch_size=128,  # ours
    learning_rate=1.07e-4,  # ours: V-JEPA 2's, for this batch
    warmup_steps=500,  # ours
    weight_decay=0.04,  # V-JEPA 2
    mixed_precision="bfloat16",  # V-JEPA 2
    schedule="linear",  # LayerLock; --schedule=never trains all layers
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
