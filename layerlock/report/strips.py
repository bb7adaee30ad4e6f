"""Turns clips into strips of frames, inlined as PNG."""

import base64
import io

import numpy as np

from layerlock.report import canvas
from layerlock.report.cards import Clip
from layerlock.runs import pictures

MAX_CLIPS = 4
MAX_FRAMES = 8
FRAME_SIZE = 112  # pixels of a frame's longer side, about
COLOURS = (
    "Red, green and blue are the three directions of largest variance: tokens "
    "of similar colour have similar features, in all frames."
)


def reconstruction_strips(arrays: dict) -> list[Clip]:
    """Original, masked and reconstructed frames of each clip."""
    rows = (
        ("original", "clips"),
        ("masked", "masked"),
        ("reconstruction", "reconstruction"),
    )
    frames = _spread_out(arrays["clips"].shape[1])
    return [
        Clip([(label, strip(arrays[key][clip][frames])) for label, key in rows])
        for clip in range(min(len(arrays["clips"]), MAX_CLIPS))
    ]


def feature_strips(arrays: dict) -> list[Clip]:
    """Frames above the colours of their features.

    The mean of each clip is subtracted first: features differ more between
    clips than within a clip.
    """
    clips, features = arrays["clips"], arrays["features"]
    means = features.mean(axis=(1, 2, 3), keepdims=True)
    colours = pictures.features_to_rgb(features - means)
    times, frames = _times_and_frames(features.shape[1], clips.shape[1])
    height, width = clips.shape[2:4]
    rows = np.arange(height) * features.shape[2] // height
    columns = np.arange(width) * features.shape[3] // width
    pixels = colours[:, times][:, :, rows][:, :, :, columns]
    return [
        Clip(
            [
                ("original", strip(clips[clip][frames])),
                ("features", strip(pixels[clip])),
            ]
        )
        for clip in range(min(len(clips), MAX_CLIPS))
    ]


def video(frames) -> str:
    """Frames spread over a whole clip, uint8 `(frames, rows, columns, 3)`."""
    return strip(frames[_spread_out(len(frames))])


def overlay(frames, weights) -> str:
    """One frame for each time of the weights, bright where weights are high.

    Args:
        frames: uint8, shape `(frames, height, width, 3)`.
        weights: between 0 and 1, shape `(times, rows, columns)`.
    """
    times, indices = _times_and_frames(len(weights), len(frames))
    rows, columns = (
        np.arange(n) * m // n
        for n, m in zip(frames.shape[1:3], weights.shape[1:], strict=True)
    )
    brightness = 0.2 + 0.8 * weights[np.ix_(times, rows, columns)][..., None]
    frames = frames[indices] * brightness
    return strip(frames.round().astype("uint8"))


def strip(frames) -> str:
    """Frames side by side with clear gaps, as a `data:` address.

    Args:
        frames: uint8, shape `(frames, height, width, 3)`.
    """
    frames = _resize(frames)
    count, height, width, _ = frames.shape
    gap = max(width // 24, 2)
    image = np.zeros((height, count * (width + gap) - gap, 4), "uint8")
    for index, frame in enumerate(frames):
        left = index * (width + gap)
        image[:, left : left + width, :3] = frame
        image[:, left : left + width, 3] = 255
    return _png(image)


def _resize(frames):
    """Enlarges small frames and shrinks large ones by a whole factor."""
    longer = max(frames.shape[1:3])
    if longer <= FRAME_SIZE:
        factor = FRAME_SIZE // longer
        return frames.repeat(factor, axis=1).repeat(factor, axis=2)
    factor = round(longer / FRAME_SIZE)
    count, height, width, _ = frames.shape
    height, width = height // factor, width // factor
    frames = frames[:, : height * factor, : width * factor]
    blocks = frames.reshape(count, height, factor, width, factor, 3)
    return blocks.mean(axis=(2, 4)).round().astype("uint8")


def _times_and_frames(num_times, num_frames):
    """Times to show, and the frame in the middle of the span of each."""
    times = _spread_out(num_times)
    return times, (times * 2 + 1) * num_frames // (2 * num_times)


def _spread_out(count: int):
    """At most `MAX_FRAMES` evenly spaced indices below `count`."""
    number = min(count, MAX_FRAMES)
    return (np.arange(number) * 2 + 1) * count // (2 * number)


def _png(image) -> str:
    canvas.require_matplotlib()
    import matplotlib.image

    content = io.BytesIO()
    matplotlib.image.imsave(
        content, image, format="png", metadata={"Software": None}
    )
    code = base64.b64encode(content.getvalue()).decode()
    return f"data:image/png;base64,{code}"
