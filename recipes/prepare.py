"""Copies a folder of videos once, so that clips are read faster ever after.

    KERAS_BACKEND=jax python recipes/prepare.py --data=/videos --out=/small

What decoding costs is decided by the size of the frames and by how far apart
key frames are. The copies are upright, of --short_side, with a key frame every
--key_frame_seconds; their folders and names are those of the originals, but all
end in .mp4. The originals are never touched. Copies go on where they were cut
off, and what cannot be read is named; what a glob or a list finds in --out is
not copied again. Then: `recipes/pretrain.py --data=/small`. Lists and labels of
a data set, such as train.json, go beside the copies by hand.
"""

import csv
import sys
import time

from common import options

from absl import flags

from layerlock.data import preparing
from layerlock.runs import wording

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "A folder, a glob or a .txt list of videos.",
    flag_values=FLAGS,
)
flags.DEFINE_string("out", None, "Folder of the copies.", flag_values=FLAGS)
flags.DEFINE_integer(
    "short_side",
    256,
    "Pixels of the shorter side; smaller videos stay as they are.",
    flag_values=FLAGS,
    lower_bound=16,
)
flags.DEFINE_float(
    "key_frame_seconds",
    0.5,
    "Seconds between key frames.",
    flag_values=FLAGS,
    lower_bound=0.0,
)
flags.DEFINE_integer(
    "crf",
    20,
    "Quality of x264: smaller is better, and larger files.",
    flag_values=FLAGS,
    lower_bound=0,
    upper_bound=51,
)
flags.DEFINE_string(
    "trims",
    None,
    "CSV of path, first and last second, with a row of names or without: "
    "copies these parts alone, those of one.mp4 as one_FIRST-LAST.mp4.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "workers",
    None,
    "Videos at a time. Default: one per core.",
    flag_values=FLAGS,
    lower_bound=1,
)
NUM_NAMED = 10


def main(argv):
    """Checks everything that can be wrong, and only then copies."""
    options.parse(FLAGS, argv, __doc__)
    for name in ("data", "out"):
        if not FLAGS[name].value:
            sys.exit(f"prepare: --{name} is missing. See --help.")
    started = time.monotonic()
    try:
        found = preparing.prepare(
            FLAGS.data,
            FLAGS.out,
            trims=read_trims() if FLAGS.trims else None,
            progress=show,
            num_threads=FLAGS.workers,
            short_side=FLAGS.short_side,
            key_frame_seconds=FLAGS.key_frame_seconds,
            crf=FLAGS.crf,
        )
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"prepare: {error}")
    taken = wording.duration(time.monotonic() - started)
    print(
        f"{found['written']} copies written in {taken}, {found['kept']} were "
        f"there, {len(found['failed'])} videos cannot be read."
    )
    for path, reason in list(found["failed"].items())[:NUM_NAMED]:
        print(f"  {path}: {reason}")
    if len(found["failed"]) > NUM_NAMED:
        print("  ...")
    if not found["written"] + found["kept"]:
        sys.exit("prepare: nothing could be copied.")


def read_trims() -> list:
    """The rows of --trims; a first row of names is left out."""
    with open(FLAGS.trims, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    trims = []
    for number, row in enumerate(rows):
        try:
            name, first, last = row
            trims.append((name.strip(), float(first), float(last)))
        except ValueError:
            if number:
                raise ValueError(
                    "--trims has a path, a first and a last second in every "
                    f"row. Received: {','.join(row)}."
                ) from None
    return trims


def show(done: int, total: int):
    """A line for every tenth of the videos."""
    if done == total or done % max(1, total // 10) == 0:
        print(f"{done} of {total}", flush=True)


if __name__ == "__main__":
    main(sys.argv)
