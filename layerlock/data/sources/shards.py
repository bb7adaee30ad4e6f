"""Clips from shards: ArrayRecord files with many videos each."""

import os

from layerlock import json_files
from layerlock.data import shards, streams
from layerlock.data.files import FileList
from layerlock.data.names import readable
from layerlock.data.sources.base import VideoFiles, restored
from layerlock.data.streams import DecodingError

_NUM_NAMED = 5


class ShardsSource(VideoFiles):
    """Random clips of the videos in shards, which `layerlock prepare` writes.

    Its clips equal those of a `FolderSource` of the same copies: videos are in
    the order of their names, and labels are those of the list or of the
    sub-folders of the originals.

    The index of each shard is read at the start, and no video. Damaged and
    missing shards are listed as unreadable, and so are damaged records if the
    index is damaged too. A record that cannot be read later is replaced by
    another video, and logged in `failures`.

    Args:
        path: a folder of shards, a glob, or one shard; they end in
            `.array_record`.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip, in pixels. Defaults to `64`.
        seed: int. Defaults to `0`.
        fps: see `FolderSource`. Defaults to `None`.
        scale: see `FolderSource`. Defaults to `(0.3, 1.0)`.
        aspect: see `FolderSource`. Defaults to `(0.75, 4 / 3)`.
        flip: share of clips that are mirrored. Defaults to `0.5`.
        files: the result of `describe_files`, instead of a search of `path`.
            Defaults to `None`.
        cache: not used: a shard has the facts of its videos.
        progress: function of the number of opened shards and the number of all
            shards.
        failures: see `FolderSource`. Defaults to `None`.
        sampling: see `FolderSource`. Defaults to `"rate"`.

    Example:

    ```python
    source = ShardsSource("/shards", frames=16, size=224, fps=8)
    clip, labels = source[0]  # clip: uint8 (16, 224, 224, 3)
    ```
    """

    def describe_files(self):
        """Returns the videos with their shards, and counts."""
        found = super().describe_files()
        for file in (*found["files"], *found["unreadable"]):
            place = self._places[file["position"]]
            file["shard"], file["record"] = place
        return {"source": "shards"} | found

    def _list_files(self, path, files, cache, progress):
        self._readers = shards.ShardReaders()
        if files is not None:
            listing = restored(files)
            entries = (*files["files"], *files["unreadable"])
            entries = sorted(entries, key=lambda entry: entry["position"])
            kinds = {
                "shard": json_files.TEXT,
                "record": json_files.optional(json_files.WHOLE),
            }
            for one in entries:
                json_files.check(one, kinds, "the list of files", kinds)
            self._places = [(one["shard"], one["record"]) for one in entries]
            return listing
        root, found, missing = shards.find(path)
        entries = _entries(root, found, missing, progress)
        self._places = [place for _, place, _, _ in entries]
        listing = FileList(
            root,
            tuple(os.path.join(root, name) for name, *_ in entries),
            tuple(result for _, _, result, _ in entries),
            _labels(entries),
        )
        if not listing.good:
            raise ValueError(_nothing(path, listing.bad))
        return listing

    def _content(self, position):
        shard, number = self._places[position]
        header, content = self._readers.read(shard, number)
        name = header.get("name")
        if (
            os.path.join(self.files.root, str(name))
            != (self.files.paths[position])
        ):
            raise DecodingError(
                f"record {number} of {readable(shard)} is now "
                f"{readable(str(name))}"
            )
        return content


def _entries(root, found, missing, progress) -> list[tuple]:
    """Returns name, place, facts and label of all videos, sorted by name.

    For a damaged record or shard, the reason is in place of the facts, and
    its place below the root is the name.
    """
    entries = []
    for count, shard in enumerate(found, start=1):
        entries += _videos(root, shard)
        if progress is not None:
            progress(count, len(found))
    for shard in missing:
        name = os.path.relpath(shard, root)
        entries.append((name, (shard, None), "a missing shard", None))
    return sorted(entries, key=lambda entry: (entry[0], entry[1][0]))


def _videos(root, shard):
    """Yields the entries of a shard."""
    own_name = os.path.relpath(shard, root)
    try:
        videos = shards.read_index(shard)["videos"]
    except DecodingError as error:
        yield own_name, (shard, None), str(error), None
        return
    for number, header in enumerate(videos):
        place = (shard, number)
        try:
            if isinstance(header, str):
                raise DecodingError(header)
            facts = streams.Facts(**header["facts"])
            yield header["name"], place, facts, _label(header)
        except DecodingError as error:
            yield f"{own_name}/{number}", place, str(error), None
        except (KeyError, TypeError):
            reason = "a header of another version of LayerLock"
            yield f"{own_name}/{number}", place, reason, None


def _label(header) -> str | None:
    """Returns the label of the list, or the first sub-folder."""
    if header["label"] is not None:
        return header["label"]
    folder, slash, _ = header["name"].partition("/")
    return folder if slash else None


def _labels(entries) -> tuple[str, ...] | None:
    """Returns a label for each entry; `None` if a video has none.

    An unreadable one has that of another: it adds no class.
    """
    known = [
        label for _, _, result, label in entries if not isinstance(result, str)
    ]
    if not known or None in known:
        return None
    return tuple(known[0] if one is None else one for *_, one in entries)


def _nothing(spec, bad) -> str:
    reasons = [
        f"\n  {readable(path)}: {reason}"
        for path, reason in list(bad.items())[:_NUM_NAMED]
    ]
    return (
        f"There is no readable video in the shards of '{readable(spec)}'. "
        f"Expected files that end in {shards.ENDING}, which `layerlock "
        "prepare` writes with `shards`." + "".join(reasons)
    )
