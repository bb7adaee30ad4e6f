"""WHERE clips come from: procedural scenes and folders of videos."""

from layerlock.core import lookup
from layerlock.data.source import VideoSource as VideoSource


def get(spec, **arguments) -> VideoSource:
    """Turns a name or a place on disk into a source of clips.

    Args:
        spec: a `VideoSource`, returned as it is; the name of a source, such
            as `"scenes"`; or a folder, a glob or a `.txt` list of videos.
        **arguments: of the source, such as `frames`, `size` and `seed`.

    Example:

    >>> clip, labels = get("scenes", frames=4, size=16)[0]
    >>> clip.shape
    (4, 16, 16, 3)
    """
    if isinstance(spec, VideoSource):
        return spec
    package = f"{__name__}.sources"
    if spec in lookup.names(package):
        return lookup.find(package, spec, VideoSource)(**arguments)
    folder = lookup.find(package, "folder", VideoSource)
    return folder(spec, **arguments)
