"""Sources of clips: scenes, folders of videos, shards, and mixtures."""

import glob
import os

from layerlock import plugins
from layerlock.data import mixing, shards
from layerlock.data.source import VideoSource as VideoSource


def get(spec, **arguments) -> VideoSource:
    """Returns a source of clips from a name or a path.

    Args:
        spec: a `VideoSource`, returned as it is; the name of a source, such
            as `"scenes"`; a folder, a glob, or a `.txt` or `.csv` list of
            videos; a folder or a glob of shards; or a mixture of these, such
            as `"howto:0.7=/a,kinetics:0.3=/b"`.
        **arguments: of the source, such as `frames`, `size` and `seed`.
            Arguments that only other sources have are ignored.

    Example:

    >>> clip, labels = get("scenes", frames=4, size=16)[0]
    >>> clip.shape
    (4, 16, 16, 3)
    """
    if isinstance(spec, VideoSource):
        return spec
    sources = plugins.find_all(f"{__name__}.sources", VideoSource)
    accepted = {
        name: plugins.argument_names(source) for name, source in sources.items()
    }
    for name in arguments:
        if not any(name in names for names in accepted.values()):
            raise ValueError(
                f"No source of clips has an argument {name!r}. "
                f"Expected some of {accepted}."
            )
    known = arguments.get("files")
    source = source_class(spec, known)
    accepted = plugins.argument_names(source)
    if "path" in accepted:
        if known is None and source is sources["folder"]:
            _check_place(spec, sources)
        arguments = {"path": spec} | arguments
    return source(
        **{name: value for name, value in arguments.items() if name in accepted}
    )


def source_class(spec, files=None) -> type:
    """Returns the class of the source for a name or a path.

    Args:
        spec: a name or a path.
        files: what `describe_files` of the source returned earlier, if known:
            the place may be gone. Defaults to `None`.
    """
    package = f"{__name__}.sources"
    if isinstance(files, dict) and "source" in files:
        return plugins.find(package, files["source"], VideoSource)
    if spec in plugins.names(package):
        source = plugins.find(package, spec, VideoSource)
        if "path" not in plugins.argument_names(source):
            return source
    if mixing.is_mixture(spec):
        return plugins.find(package, "mixture", VideoSource)
    kind = "shards" if shards.are_at(spec) else "folder"
    return plugins.find(package, kind, VideoSource)


def _check_place(spec, sources):
    """Raises if there is nothing at a path."""
    place = os.path.expanduser(os.fspath(spec))
    if os.path.lexists(place) or glob.has_magic(place):
        return
    names = [
        name
        for name, source in sources.items()
        if "path" not in plugins.argument_names(source)
    ]
    raise ValueError(
        f"Unknown source of clips {str(spec)!r}: neither a name nor a path on "
        f"this disk. Expected one of {names}, a folder of videos, a glob in "
        "quotes, a .txt or .csv list with one path a line, a folder of shards, "
        "or a mixture such as 'howto:0.7=/a,kinetics:0.3=/b'."
    )
