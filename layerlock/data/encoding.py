"""Writes frames as a video that browsers play."""

import fractions

import numpy as np

from layerlock.data.streams import require_av


def write_video(path, frames, fps: float):
    """Writes an mp4 (H.264).

    Args:
        path: the file.
        frames: iterable of uint8 arrays `(height, width, 3)`, all of one
            size, both even.
        fps: float, frames per second.

    Example:

    ```python
    write_video("noise.mp4", np.zeros((8, 64, 64, 3), "uint8"), fps=8)
    ```
    """
    av = require_av()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=fractions.Fraction(round(fps * 1000), 1000)
        )
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18"}
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
