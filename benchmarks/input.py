"""Clips per second and core, from folders of videos, beside bare PyAV.

    KERAS_BACKEND=jax python benchmarks/input.py --data=/videos
    KERAS_BACKEND=jax python benchmarks/input.py --data=/videos --prepared

Reads the same clips with `FolderSource` and with the loop that a careful person
would write: seek to the key frame before the clip, decode up to its end, shrink
the frames that are wanted. `--prepared` copies the videos with
`recipes/prepare.py`'s settings first and compares reading the copies with
reading the originals. The last line is JSON; `ratio` is ours over theirs, in
clips per second.
"""

import json
import sys
import tempfile
import time

import keras
import numpy as np
from absl import flags
from side_by_side import alternating

from layerlock.data import preparing
from layerlock.data.sources.folder import FolderSource

FLAGS = flags.FlagValues()
flags.DEFINE_string("data", None, "As for pretrain.py.", flag_values=FLAGS)
flags.DEFINE_integer("frames", 16, "Frames of a clip.", flag_values=FLAGS)
flags.DEFINE_integer("size", 224, "Height and width.", flag_values=FLAGS)
flags.DEFINE_float("fps", 8.0, "Frames per second.", flag_values=FLAGS)
flags.DEFINE_integer("clips", 34, "Clips of a round.", flag_values=FLAGS)
flags.DEFINE_integer("rounds", 7, "Alternating rounds.", flag_values=FLAGS)
flags.DEFINE_bool(
    "prepared", False, "Copies against originals.", flag_values=FLAGS
)


def main(argv):
    """Reads by turns, and prints one JSON object."""
    FLAGS(argv)
    if not FLAGS.data:
        sys.exit("input: --data is missing.")
    source = open_folder(FLAGS.data)
    found = {"name": "input", "frames": FLAGS.frames, "size": FLAGS.size}
    if FLAGS.prepared:
        with tempfile.TemporaryDirectory() as folder:
            small = f"{folder}/small"
            preparing.prepare(FLAGS.data, small, short_side=256)
            copies = open_folder(small)
            found |= {"name": "input, prepared"}
            found |= compare(copies.clip, source.clip)
    else:
        found |= compare(source.clip, lambda index: bare(source, index))
        found |= parts(source)
    print(json.dumps(found))


def open_folder(path) -> FolderSource:
    """The clips of a folder, each file checked."""
    return FolderSource(path, FLAGS.frames, FLAGS.size, fps=FLAGS.fps)


def compare(ours, theirs) -> dict:
    """Clips per second of both, and their ratio."""
    return alternating(ours, theirs, FLAGS.clips, FLAGS.rounds)


def view_of(source, index):
    """Path and view of a clip, as `FolderSource` draws them."""
    position = source.files.readable(index % len(source))
    facts = source.files.results[position]
    return source.files.paths[position], source.view(facts, index)


def bare(source, index) -> np.ndarray:
    """Reads a clip with nothing but PyAV; trusts the file's time stamps."""
    path, view = view_of(source, index)
    return cut(shrink(decode(path, view), view), view)


def decode(path, view) -> list:
    """The frames of a view, at full size; those held longer come again."""
    import av

    times = list(view.times)
    wanted, last = [], None
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        start = stream.start_time or 0
        container.seek(int(times[0] / stream.time_base) + start, stream=stream)
        for frame in container.decode(stream):
            now = float((frame.pts - start) * stream.time_base)
            while len(wanted) < len(times) and times[len(wanted)] < now:
                wanted.append(last or frame)
            last = frame
            if len(wanted) == len(times):
                break
    return wanted + [last] * (len(times) - len(wanted))


def shrink(frames, view) -> list[np.ndarray]:
    """Images of which the view's part has the size of a clip."""
    _, _, height, width = view.box
    return [
        frame.to_ndarray(
            format="rgb24",
            width=round(FLAGS.size / width),
            height=round(FLAGS.size / height),
            interpolation="AREA",
        )
        for frame in frames
    ]


def cut(images, view) -> np.ndarray:
    """The view's part of some images, as a clip."""
    size, (rows, columns, _) = FLAGS.size, images[0].shape
    row, column = round(view.box[0] * rows), round(view.box[1] * columns)
    clip = np.stack(
        [image[row : row + size, column : column + size] for image in images]
    )
    return clip[:, :, ::-1] if view.mirrored else clip


def parts(source) -> dict:
    """Shares of the time that a clip takes on its way to the device."""
    spent = dict.fromkeys(("decoding", "resize", "crop", "transfer"), 0.0)

    def timed(name, function, *arguments):
        started = time.thread_time()
        result = function(*arguments)
        spent[name] += time.thread_time() - started
        return result

    for index in range(FLAGS.clips):
        path, view = view_of(source, index)
        frames = timed("decoding", decode, path, view)
        images = timed("resize", shrink, frames, view)
        clip = timed("crop", cut, images, view)
        timed("transfer", keras.ops.convert_to_tensor, clip)
    whole = sum(spent.values())
    return {f"{name}_share": taken / whole for name, taken in spent.items()}


if __name__ == "__main__":
    main(sys.argv)
