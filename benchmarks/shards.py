"""Clips per second and core from shards, beside loose copies of the videos.

    KERAS_BACKEND=jax python benchmarks/shards.py --data=/videos

Copies the videos with `layerlock prepare`'s settings, packs the same copies
into shards, and reads the same clips from both, by turns. The last line is
JSON; `ratio` is shards over loose copies, in clips per second of one core.
"""

import json
import sys
import tempfile

import numpy as np
from absl import flags
from side_by_side import alternating

from layerlock.data import packing, preparing
from layerlock.data.sources.folder import FolderSource
from layerlock.data.sources.shards import ShardsSource

FLAGS = flags.FlagValues()
flags.DEFINE_string("data", None, "As for prepare.", flag_values=FLAGS)
flags.DEFINE_integer("shards", 4, "Number of shards.", flag_values=FLAGS)
flags.DEFINE_integer("frames", 16, "Frames of a clip.", flag_values=FLAGS)
flags.DEFINE_integer("size", 224, "Height and width.", flag_values=FLAGS)
flags.DEFINE_float("fps", 8.0, "Frames per second.", flag_values=FLAGS)
flags.DEFINE_integer("clips", 34, "Clips of a round.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 7, "Alternating rounds.", flag_values=FLAGS)


def main(argv):
    """Reads by turns, and prints one JSON object."""
    FLAGS(argv)
    if not FLAGS.data:
        sys.exit("shards: --data is missing.")
    clip = {"frames": FLAGS.frames, "size": FLAGS.size, "fps": FLAGS.fps}
    settings = {"short_side": 256, "key_frame_seconds": 0.5, "crf": 20}
    with tempfile.TemporaryDirectory() as folder:
        copies, packed = f"{folder}/copies", f"{folder}/packed"
        preparing.prepare(FLAGS.data, copies, **settings)
        packing.pack(copies, packed, FLAGS.shards, **settings)
        loose = FolderSource(copies, cache=False, **clip)
        shards = ShardsSource(packed, **clip)
        for index in range(len(loose)):
            np.testing.assert_array_equal(shards.clip(index), loose.clip(index))
        found = alternating(shards.clip, loose.clip, FLAGS.clips, FLAGS.rounds)
    print(json.dumps({"name": "shards", "videos": len(loose), **clip, **found}))


if __name__ == "__main__":
    main(sys.argv)
