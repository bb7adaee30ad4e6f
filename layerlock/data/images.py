"""Converts decoded frames to upright images of RGB."""

import numpy as np

from layerlock.data import orientation

WHOLE = (0.0, 0.0, 1.0, 1.0)

# Matrices (ITU-T H.273) that FFmpeg converts: RGB, BT.709, unspecified, FCC,
# BT.470BG, SMPTE 170M and 240M, BT.2020 with non-constant luminance.
_MATRICES = (0, 1, 2, 4, 5, 6, 7, 9)
_BT2020_CONSTANT, _BT2020 = 10, 9
_UNSPECIFIED = 2
_RANGES = (0, 1, 2)  # unspecified, limited, full


class ImageReader:
    """Converts decoded frames to upright, cropped images.

    Args:
        stream: video stream of PyAV.
        size: height and width of the result, `None` for that of the video.
        box: top, left, height and width of the crop, as shares of the upright
            frame. Defaults to the whole frame.
    """

    def __init__(self, stream, size=None, box=WHOLE):
        from av.video.reformatter import VideoReformatter

        self.stream = stream
        self.size = size
        self.box = box
        self.reformatter = VideoReformatter()

    def __call__(self, frame, orient) -> np.ndarray:
        """Returns uint8 of shape `(height, width, 3)`.

        Args:
            frame: of PyAV.
            orient: its `orientation.Orientation`.
        """
        shown = orientation.shown_size(frame, orient, self.stream)
        # Later frames of another size are scaled, as FFmpeg's programs do.
        self.size = size = self.size or shown
        # The whole frame is scaled so that the crop has the output size.
        scaled = [
            max(pixels, round(pixels / share))
            for pixels, share in zip(size, self.box[2:], strict=True)
        ]
        height, width = orient.exchanged(scaled)
        shrinks = scaled[0] <= shown[0] and scaled[1] <= shown[1]
        _correct_colours(frame)
        image = self.reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation="AREA" if shrinks else "BICUBIC",
        ).to_ndarray()
        top, left = (
            min(round(corner * whole), whole - pixels)
            for corner, whole, pixels in zip(
                self.box[:2], scaled, size, strict=True
            )
        )
        image = orient.upright(image)
        return image[top : top + size[0], left : left + size[1]]


def _correct_colours(frame):
    """Replaces colour tags that FFmpeg cannot convert by what players use.

    That is the default matrix, as in FFmpeg's programs: the tags are usually
    wrong, and FFmpeg's library refuses the frame.
    """
    if frame.colorspace not in _MATRICES:
        constant = frame.colorspace == _BT2020_CONSTANT
        frame.colorspace = _BT2020 if constant else _UNSPECIFIED
    if frame.color_range not in _RANGES:
        frame.color_range = 0


def even_size(shown, short_side):
    """Height and width of copies with a shorter side of at most `short_side`.

    Encoders need even numbers.
    """
    share = min(1.0, (short_side or min(shown)) / min(shown))
    return tuple(max(2, 2 * round(side * share / 2)) for side in shown)
