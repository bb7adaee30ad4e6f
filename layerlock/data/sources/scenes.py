"""Procedural clips: moving, textured shapes at different depths."""

import numpy as np

from layerlock.data import layout, outlines, randomness, rendering
from layerlock.data.source import VideoSource, check_geometry

_SPLITS = ("train", "validation", "test")
_LAYOUT, _NOISE = 0, 1  # streams of random numbers


class ScenesSource(VideoSource):
    """Clips that need no files, with labels for three tasks.

    A near and a middle shape, of 8 classes each, move over a drifting
    background of periodic gratings, as if filmed by a moving camera. Nearer
    shapes occlude farther ones, are larger (with the root of depth), faster,
    and have more contrast, since fog reduces it with distance.

    The three tasks cannot be solved by a shortcut:

    - `appearance`, the class of the near shape (outline and texture), is
      independent of colour, area and position, so pixels and means are no cue.
    - `motion`, the direction of the shapes relative to the background, is not
      visible in a single frame, since positions are uniform on an image that
      wraps around. Each image is repeated for `hold` frames, so that a patch
      of as many frames contains no motion either.
    - `depth` varies within each layer; size, speed and contrast are its cues.

    Every index is a different scene, also beyond `len`, so that training never
    repeats a clip. The splits share no scene.

    Labels of `source[i]`:

    - `appearance`: int, index into `class_names["appearance"]`.
    - `motion`: int, index into `class_names["motion"]`.
    - `depth`: float32 of shape `(frames, size, size)`, in units of the
      minimum depth: 1 to 1.6 for the near shape, 2 to 3.2 for
      the middle one, 4 to 6 for the background.

    Args:
        num_clips: Clips in an epoch. Defaults to `10_000`.
        frames: Frames of a clip. Defaults to `8`.
        size: Height and width, in pixels. The scene does not depend on it.
            Defaults to `32`.
        seed: Int. Defaults to `0`.
        hold: Number of frames that repeat an image. Defaults to `2`.
        split: `"train"`, `"validation"` or `"test"`.

    Example:

    >>> clip, labels = ScenesSource(seed=1)[5]
    >>> clip.shape, labels["depth"].shape
    ((8, 32, 32, 3), (8, 32, 32))
    """

    default_frames = 8
    default_size = 32
    default_workers = 0

    def __init__(
        self,
        num_clips: int = 10_000,
        frames: int = 8,
        size: int = 32,
        seed: int = 0,
        hold: int = 2,
        split: str = "train",
    ):
        check_geometry(frames, size)
        if num_clips < 1 or hold < 1:
            raise ValueError(
                "`num_clips` and `hold` must be at least 1. "
                f"Received: num_clips={num_clips}, hold={hold}."
            )
        if split not in _SPLITS:
            raise ValueError(
                f"Unknown split {split!r}. Expected one of {list(_SPLITS)}."
            )
        self.num_clips = num_clips
        self.frames = frames
        self.size = size
        self.seed = seed
        self.hold = hold
        self.split = split

    def __len__(self):
        return self.num_clips

    def __getitem__(self, index):
        scene = self.scene(index)
        labels = {
            "appearance": scene.shapes[-1].shape_class,
            "motion": scene.motion,
            "depth": self._hold(
                rendering.depth(scene, self._times(), self.size)
            ),
        }
        return self.clip(index), labels

    def clip(self, index):
        """Returns clip `index` without its labels, which is faster."""
        noise = self._generator(_NOISE, index)
        return self._hold(
            rendering.pixels(self.scene(index), self._times(), self.size, noise)
        )

    def scene(self, index: int) -> layout.Scene:
        """Returns the layout of clip `index`."""
        if index < 0:
            raise IndexError(f"`index` must be at least 0. Received: {index}.")
        return layout.draw(self._generator(_LAYOUT, index))

    def name(self, index):
        """Returns a readable name of clip `index`."""
        return f"scene {index}"

    @property
    def class_names(self):
        """The names of the classes of `appearance` and `motion`."""
        return {
            "appearance": list(outlines.CLASS_NAMES),
            "motion": list(layout.MOTION_NAMES),
        }

    def _generator(self, stream, index):
        split = _SPLITS.index(self.split)
        return randomness.generator(self.seed, stream, index, split)

    def _times(self):
        """Returns the frame number of each rendered image."""
        return np.arange(0, self.frames, self.hold)

    def _hold(self, images):
        return images.repeat(self.hold, axis=0)[: self.frames]
