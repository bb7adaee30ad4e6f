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

import numpy as np
from absl import flags
from side_by_side import median_of, ratio

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
    times = []
    for number in range(FLAGS.rounds + 1):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        taken = {read: seconds(read) for read in order}
        times.append((taken[ours], taken[theirs]))
    times = times[1:]  # the first round warms the disk's cache
    return {
        # Clips per second: theirs over ours, in seconds.
        **ratio([(theirs, ours) for ours, theirs in times]),
        "clips_per_second_ours": FLAGS.clips / median_of(times, 0),
        "clips_per_second_theirs": FLAGS.clips / median_of(times, 1),
    }


def seconds(read) -> float:
    """CPU time of the clips of a round: what a core needs for them."""
    started = time.thread_time()
    for index in range(FLAGS.clips):
        read(index)
    return time.thread_time() - started


def view_of(source, index):
    """Path and view of a clip, as `FolderSource` draws them."""
    position = source.files.readable(index % len(source))
    facts = source.files.results[position]
    return source.files.paths[position], source.view(facts, index)


def bare(source, index) -> np.ndarray:
    """Reads a clip with nothing but PyAV; trusts the file's time stamps."""
    import av

    path, view = view_of(source, index)
    times = list(view.times)
    images, last = [], None
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        start = stream.start_time or 0
        container.seek(int(times[0] / stream.time_base) + start, stream=stream)
        for frame in container.decode(stream):
            now = float((frame.pts - start) * stream.time_base)
            while len(images) < len(times) and times[len(images)] < now:
                images.append(cut(last or frame, view))
            last = frame
            if len(images) == len(times):
                break
    images += [cut(last, view)] * (len(times) - len(images))
    clip = np.stack(images)
    return clip[:, :, ::-1] if view.mirrored else clip


def cut(frame, view) -> np.ndarray:
    """Shrinks a frame and cuts the view's part out of it."""
    top, left, height, width = view.box
    size = FLAGS.size
    rows, columns = round(size / height), round(size / width)
    image = frame.to_ndarray(
        format="rgb24", width=columns, height=rows, interpolation="AREA"
    )
    row, column = round(top * rows), round(left * columns)
    return image[row : row + size, column : column + size]


def parts(source) -> dict:
    """Seconds per clip of decoding alone, and of all of it."""
    import av

    def decode(index):
        path, view = view_of(source, index)
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            start = stream.start_time or 0
            ticks = int(view.times[0] / stream.time_base) + start
            container.seek(ticks, stream=stream)
            for frame in container.decode(stream):
                if (frame.pts - start) * stream.time_base > view.times[-1]:
                    break

    alone, whole = seconds(decode), seconds(source.clip)
    return {"decoding_share": alone / whole}


if __name__ == "__main__":
    main(sys.argv)
