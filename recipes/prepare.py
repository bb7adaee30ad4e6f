"""Copies a folder of videos once, so that clips are read faster ever after.

    KERAS_BACKEND=jax python recipes/prepare.py --data=/videos --out=/small

The time to decode a clip depends on the size of the frames and on the distance
between key frames. The copies are upright, of --short_side, with a key frame
every --key_frame_seconds; their folders and names are those of the originals,
with the ending .mp4. The originals are never changed. Copies continue where an
earlier call was stopped, and videos that cannot be read are listed. Then:
`recipes/pretrain.py --data=/small`. Lists and labels of a data set, such as
train.json, go beside the copies by hand.
"""

from layerlock import cli
from layerlock.config import PrepareConfig

CONFIG = PrepareConfig.of(
    short_side=256,
    key_frame_seconds=0.5,
    crf=20,
)

if __name__ == "__main__":
    cli.run("prepare", config=CONFIG, doc=__doc__)
