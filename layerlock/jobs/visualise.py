"""Shows the features of a video as colours, in an mp4."""

import dataclasses
import math
import pathlib

import keras
import numpy as np

from layerlock.config import OptionError, VisualiseConfig
from layerlock.data import decoding, encoding, framing, streams
from layerlock.data.names import readable
from layerlock.evaluation import encoders, extraction
from layerlock.jobs.job import Job, Plan
from layerlock.jobs.judging import costs
from layerlock.models.patches import patch_grid
from layerlock.runs import pictures, wording

_LOWEST_RATE = 0.001  # frames per second that an mp4 is written with


def start(config: VisualiseConfig):
    """Checks a configuration; returns what writes the video."""
    config, encoder, layer = build(config)
    out = pathlib.Path(config.pictures.out)
    clips, fps = _read(config, encoder)

    def work() -> pathlib.Path:
        colours = colour(encoder, layer, clips)
        encoding.write_video(out, side_by_side(clips, colours), fps)
        frames = len(clips) * clips.shape[1]
        print(f"{readable(out)}: {frames} frames at {fps:g} per second")
        return out

    return work


def build(config: VisualiseConfig):
    """The resolved configuration, its encoder, and the block that is read."""
    config = config.resolve()
    check_place(pathlib.Path(config.pictures.out))
    video = config.pictures.video
    if not pathlib.Path(video).is_file():
        raise OptionError(f"`video={video}`: there is no such file.")
    spec, student = config.encoder.encoder, config.encoder.student
    encoder = encoders.load(spec, student=student)
    layer = encoders.layer_number(encoder, config.encoder.block)
    return config, encoder, layer


def _read(config, encoder):
    video = config.pictures.video
    try:
        return read(config.pictures, encoder, decoding.probe(video))
    except streams.DecodingError as error:
        raise ValueError(f"{video} cannot be read: {error}") from error


def check_place(out: pathlib.Path):
    """Raises unless an mp4 can be written there."""
    if out.exists():
        raise OptionError(
            f"{out} exists. Nothing is overwritten: pass another `out`."
        )
    if not out.parent.is_dir():
        raise OptionError(f"`out={out}`: there is no folder {out.parent}.")
    if out.suffix.lower() != ".mp4":
        raise OptionError(
            "`out` must end in .mp4. Received: "
            f"`out={out}`. Take `out={out.with_suffix('.mp4')}`."
        )


def read(section, encoder, facts):
    """Reads a video as clips that follow each other.

    Args:
        section: the `PicturesConfig`, resolved.
        encoder: the number of frames of a clip is that of its clips.
        facts: `streams.Facts` of the video.

    Returns:
        uint8 `(clips, frames, size, size, 3)`, and frames per second.

    Raises:
        ValueError: if frames do not divide into the encoder's patches, or
            `fps` is no rate.
    """
    frames, size, _ = encoder.clip_shape
    if section.size is not None:
        size = section.size
    patch_grid((frames, size, size), encoder.patch_size)
    fps = min(facts.fps, 8.0) if section.fps is None else section.fps
    if not _LOWEST_RATE <= fps < math.inf:
        raise OptionError(
            f"`fps` must be finite and at least {_LOWEST_RATE}; without it, it "
            f"is the video's, at most 8. Received: {fps}."
        )
    # Frames are read in the middle of their time: half of the last will do,
    # and none is lost to the rounding of `Facts`.
    available = math.floor(
        min(facts.duration - facts.begin, section.seconds) * fps + 0.5
    )
    count = max(1, available // frames)
    end = facts.begin + count * frames / fps
    view = framing.Framing(count * frames, size, fps).central_view(
        dataclasses.replace(facts, duration=end)
    )
    video = decoding.read_view(section.video, view, size)
    return video.reshape(count, frames, size, size, 3), fps


def colour(encoder, layer, clips) -> np.ndarray:
    """Features of every clip as colours, as large as its frames."""
    extract = extraction.extractor(encoder, layer)
    bar = keras.utils.Progbar(len(clips))
    features = []
    for number, clip in enumerate(clips):
        features.append(extract(clip[None])[0])
        bar.update(number + 1)
    rgb = pictures.features_to_rgb(np.stack(features))
    for axis in (1, 2, 3):
        index = np.arange(clips.shape[axis])
        index = index * rgb.shape[axis] // clips.shape[axis]
        rgb = rgb.take(index, axis=axis)
    return rgb


def side_by_side(clips, colours):
    """Yields frames with the original on the left, large enough to see."""
    factor = max(1, round(256 / clips.shape[2]))
    for clip, shown in zip(clips, colours, strict=True):
        for pair in zip(clip, shown, strict=True):
            image = np.concatenate(pair, axis=1)
            image = image.repeat(factor, axis=0).repeat(factor, axis=1)
            height, width = (n // 2 * 2 for n in image.shape[:2])
            yield image[:height, :width]


def plan(config: VisualiseConfig) -> Plan:
    """How many clips pass through the encoder, and what that costs."""
    config, encoder, layer = build(config)
    clips, fps = _read(config, encoder)
    grid = patch_grid(clips.shape[1:4], encoder.patch_size)
    flops = 0
    if encoder.num_layers:
        flops = len(clips) * costs.clip_flops(encoder, grid, layer)
    line = (
        f"{len(clips)} clips of {clips.shape[1]} frames at {fps:g} per "
        f"second: {wording.scaled(flops, 'FLOPs')}."
    )
    facts = {"name": "visualise plan", "clips": len(clips), "flops": flops}
    return Plan(config, [line], facts)


visualise = Job(
    "visualise",
    VisualiseConfig,
    start,
    plan,
    """Shows the features of a video as colours, in an mp4.

    The three directions in which the features of the whole video vary most
    are red, green and blue: patches with similar features have similar
    colours, in all frames. The original plays beside it. Reconstructions of
    hidden patches are in the report of a run.

    Args:
        config: a `VisualiseConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `encoder` and `video` must be
            set.

    Returns:
        Path of the mp4, or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, the video or the encoder.

    Example:

    ```python
    layerlock.visualise(encoder="runs/b", video="dog.mp4")
    ```
    """,
)
