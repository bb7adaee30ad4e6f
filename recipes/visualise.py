"""Shows what an encoder sees in a video: its features as colours, as an mp4.

    KERAS_BACKEND=jax python recipes/visualise.py --encoder=runs/mine \\
        --video=dog.mp4 --out=dog-features.mp4

The three directions in which the features of the whole video vary most are
red, green and blue: what looks alike to the encoder has the same colour, in
all frames. The original plays beside it. Reconstructions of hidden patches are
in the report of a run.
"""

import math
import pathlib
import sys

from common import evaluation_options, options

import keras
import numpy as np
from absl import flags

from layerlock.data import decoding, encoding, framing, streams
from layerlock.evaluation import encoders, extraction
from layerlock.models.patches import patch_grid
from layerlock.runs import pictures

FLAGS = flags.FlagValues()
evaluation_options.define_visualise(FLAGS)
_LOWEST_RATE = 0.001  # frames per second that an mp4 is written with


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        for name in ("encoder", "video"):
            if not FLAGS[name].value:
                raise ValueError(f"--{name} is missing.")
        out = pathlib.Path(FLAGS.out or _name(FLAGS.video))
        check_place(out)
        if not pathlib.Path(FLAGS.video).is_file():
            raise ValueError(f"--video={FLAGS.video}: there is no such file.")
        encoder = encoders.load(FLAGS.encoder, student=FLAGS.student)
        layer = evaluation_options.layer_number(FLAGS, encoder)
        clips, fps = read(encoder, decoding.probe(FLAGS.video))
    except streams.DecodingError as error:
        sys.exit(f"visualise: {FLAGS.video} cannot be read: {error}")
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"visualise: {error}")
    shown = colour(encoder, layer, clips)
    encoding.write_video(out, side_by_side(clips, shown), fps)
    print(f"{out}: {len(clips) * clips.shape[1]} frames at {fps:g} per second")


def check_place(out: pathlib.Path):
    """Raises unless an mp4 can be written there."""
    if out.exists():
        raise ValueError(
            f"{out} exists. Nothing is overwritten: pass another --out."
        )
    if not out.parent.is_dir():
        raise ValueError(f"--out={out}: there is no folder {out.parent}.")
    if out.suffix.lower() != ".mp4":
        raise ValueError(
            "--out is written as an mp4, and its name must say so. Received: "
            f"--out={out}. Take --out={out.with_suffix('.mp4')}."
        )


def read(encoder, facts):
    """Reads a video as clips that follow each other.

    Args:
        encoder: what decides how many frames a clip has.
        facts: `streams.Facts` of the video.

    Returns:
        uint8 `(clips, frames, size, size, 3)`, and frames per second.

    Raises:
        ValueError: if frames do not divide into the encoder's patches, or
            `--fps` is no rate.
    """
    frames, size, _ = encoder.clip_shape
    if FLAGS.size is not None:
        size = FLAGS.size
    patch_grid((frames, size, size), encoder.patch_size)
    fps = min(facts.fps, 8.0) if FLAGS.fps is None else FLAGS.fps
    if not _LOWEST_RATE <= fps < math.inf:
        raise ValueError(
            f"--fps must be finite and at least {_LOWEST_RATE}; without it, it "
            f"is the video's, at most 8. Received: {fps}."
        )
    # Frames are read in the middle of their time: half of the last will do,
    # and none is lost to the rounding of `Facts`.
    available = math.floor(min(facts.duration, FLAGS.seconds) * fps + 0.5)
    count = max(1, available // frames)
    view = framing.Framing(count * frames, size, fps).central_view(
        streams.Facts(**{**vars(facts), "duration": count * frames / fps})
    )
    video = decoding.read_view(FLAGS.video, view, size)
    return video.reshape(count, frames, size, size, 3), fps


def colour(encoder, layer, clips) -> np.ndarray:
    """Features of every clip as colours, as large as its frames."""
    extract = extraction.extractor(encoder, layer)
    bar = keras.utils.Progbar(len(clips))
    found = []
    for number, clip in enumerate(clips):
        found.append(extract(clip[None])[0])
        bar.update(number + 1)
    rgb = pictures.features_to_rgb(np.stack(found))
    for axis in (1, 2, 3):
        index = np.arange(clips.shape[axis])
        index = index * rgb.shape[axis] // clips.shape[axis]
        rgb = rgb.take(index, axis=axis)
    return rgb


def side_by_side(clips, shown):
    """Yields frames with the original on the left, large enough to see."""
    factor = max(1, round(256 / clips.shape[2]))
    for clip, colours in zip(clips, shown, strict=True):
        for pair in zip(clip, colours, strict=True):
            image = np.concatenate(pair, axis=1)
            image = image.repeat(factor, axis=0).repeat(factor, axis=1)
            height, width = (n // 2 * 2 for n in image.shape[:2])
            yield image[:height, :width]


def _name(video) -> str:
    return f"{pathlib.Path(video).stem}-features.mp4"


if __name__ == "__main__":
    main(sys.argv)
