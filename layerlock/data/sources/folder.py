"""Clips from a folder, a glob or a list of videos."""

from layerlock.data.files import FileList, list_files
from layerlock.data.sources.base import VideoFiles, restored


class FolderSource(VideoFiles):
    """Random clips of videos, with labels of a list or of sub-folders.

    Clip `i` comes from video `i % len(source)`: `frames` frames at `fps`, with
    a random start, a random crop and random mirroring. `fixed` has no
    randomness: it returns the middle of the video and the largest central
    square. With `sampling="whole"` the frames are spread over the whole video:
    a random one of each of equal segments, or for `fixed` the centres.

    In a place without videos, clips are pictures: one that is repeated.

    Unreadable videos are detected at the start and replaced by other videos,
    and so are videos that fail later. If a video is shorter than the clip, its
    last frame is repeated, or with `sampling="whole"` each of its frames.

    Labels of `source[i]`: `class`, an index into `class_names["class"]`, if a
    list has labels or all videos are in sub-folders; else none.

    Args:
        path: a folder, which is searched with its sub-folders; a glob; a
            `.txt` or `.csv` list, see `lists.read`; or one video.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip, in pixels. Defaults to `64`.
        seed: int. Defaults to `0`.
        fps: frames per second of a clip. Defaults to `None`: 8, or the rate of
            the video if it is lower.
        scale: minimum and maximum area of a crop, as a share of the frame,
            before it is limited to the frame. Defaults to `(0.3, 1.0)`.
        aspect: minimum and maximum aspect ratio (width over height) of a
            crop. Defaults to `(0.75, 4 / 3)`.
        flip: share of clips that are mirrored. Defaults to `0.5`.
        files: a `FileList`, or the result of its `to_json`, instead of a
            search of `path`. Defaults to `None`.
        cache: folder of the cache of readable videos, `None` for the user's
            cache, `False` for none. Defaults to `None`.
        progress: function of the number of checked videos and the number of
            all videos.
        failures: path of a file to which every process appends its failed
            reads, as lines of JSON. Defaults to `None`.
        sampling: `"rate"` or `"whole"`, see `framing.Framing`. Defaults to
            `"rate"`.

    Example:

    ```python
    source = FolderSource("/videos", frames=16, size=224, fps=8)
    clip, labels = source[0]  # clip: uint8 (16, 224, 224, 3)
    ```
    """

    def _list_files(self, path, files, cache, progress):
        if isinstance(files, FileList):
            return files
        if files is not None:
            return restored(files)
        return list_files(path, cache, progress)

    def _content(self, position):
        return self.files.paths[position]
