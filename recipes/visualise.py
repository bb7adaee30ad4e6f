"""Shows the features of a video as colours, in an mp4.

    KERAS_BACKEND=jax python recipes/visualise.py --encoder=runs/mine \\
        --video=dog.mp4 --out=dog-features.mp4

The three directions in which the features of the whole video vary most are
red, green and blue: patches with similar features have similar colours, in all
frames. The original plays beside it. Reconstructions of hidden patches are in
the report of a run.
"""

from layerlock import cli
from layerlock.config import VisualiseConfig

CONFIG = VisualiseConfig.of(
    layer="0.95",
    seconds=60.0,
)

if __name__ == "__main__":
    cli.run("visualise", config=CONFIG, doc=__doc__)
