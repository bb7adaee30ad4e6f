"""Clips of several sources, in fixed shares."""

from layerlock import data
from layerlock.data import mixing, randomness
from layerlock.data.pipeline import ClipStream
from layerlock.data.source import VideoSource

_SEEDS = 300  # stream of random numbers
_COUNTS = ("num_files", "unreadable_files", "replaced_clips", "short_clips")
_LISTS = ("files", "unreadable")


class MixtureSource(VideoSource):
    """Clips of several sources, each with a weight.

    Sources alternate evenly: of any number of successive clips each source has
    its share, within a few. Each is read in its own random order, all of its
    clips before any comes again, whatever its size. An epoch has as many clips
    as all sources together.

    Labels of `source[i]`: `source`, an index into `class_names["source"]`.

    Args:
        path: `NAME:WEIGHT=PLACE,...`, such as
            `"howto:0.7=/a,kinetics:0.3=/b"`. A place is what `data.get` takes.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip, in pixels. Defaults to `64`.
        seed: int. Defaults to `0`.
        fps: see `FolderSource`. Defaults to `None`.
        scale: see `FolderSource`. Defaults to `(0.3, 1.0)`.
        aspect: see `FolderSource`. Defaults to `(0.75, 4 / 3)`.
        flip: share of clips that are mirrored. Defaults to `0.5`.
        files: the result of `describe_files`, instead of a search of the
            places. Defaults to `None`.
        cache: see `FolderSource`. Defaults to `None`.
        progress: see `FolderSource`; each place counts from 0.
        failures: see `FolderSource`. Defaults to `None`.
        sampling: see `FolderSource`. Defaults to `"rate"`.
        split: `"train"` or `"validation"`, of sources that draw their clips.
            Defaults to `"train"`.

    Example:

    >>> source = MixtureSource("a:0.75=scenes,b:0.25=scenes", 4, 16)
    >>> [source[index][1]["source"] for index in range(8)]
    [0, 0, 1, 0, 0, 0, 1, 0]
    """

    def __init__(
        self,
        path,
        frames: int = 16,
        size: int = 64,
        seed: int = 0,
        fps: float | None = None,
        scale: tuple[float, float] = (0.3, 1.0),
        aspect: tuple[float, float] = (0.75, 4 / 3),
        flip: float = 0.5,
        files=None,
        cache=None,
        progress=None,
        failures=None,
        sampling: str = "rate",
        split: str = "train",
    ):
        self.frames = frames
        self.size = size
        self.seed = seed
        if files is None:
            self.parts = mixing.parse(path)
        else:
            self.parts = [
                mixing.Part(one["name"], one["weight"], one["place"])
                for one in files["parts"]
            ]
        # Streams of earlier runs have shuffled the clips of a mixture again.
        self.is_ordered = files is None or files.get("ordered", False)
        self.order = mixing.Interleaving([part.weight for part in self.parts])
        self.streams = []
        for number, part in enumerate(self.parts):
            # Otherwise the clips of all parts would have the same crops.
            rng = randomness.generator(seed, _SEEDS, number)
            own_seed = int(rng.integers(2**62))
            source = data.get(
                part.place,
                frames=frames,
                size=size,
                seed=own_seed,
                fps=fps,
                scale=scale,
                aspect=aspect,
                flip=flip,
                files=files and _files_of(files, number),
                cache=cache,
                progress=progress,
                failures=failures,
                sampling=sampling,
                split=split,
            )
            self.streams.append(ClipStream(source, own_seed))

    def __len__(self):
        return sum(len(stream.source) for stream in self.streams)

    def __getitem__(self, index):
        return self.clip(index), {"source": self._place(index)[0]}

    def clip(self, index):
        """Returns clip `index` without its labels."""
        part, number = self._place(index)
        return self.streams[part][number]

    def fixed(self, index):
        """Returns a fixed clip of a source, the same for any seed."""
        part, number = self._place(index)
        return self.streams[part].source.fixed(number)[0], {"source": part}

    def name(self, index):
        """Returns the names of the source and of its clip."""
        part, number = self._place(index)
        stream = self.streams[part]
        name = stream.source.name(stream.index(number))
        return f"{self.parts[part].name}: {name}"

    @property
    def class_names(self):
        """The names of the sources."""
        return {"source": [part.name for part in self.parts]}

    def describe_files(self):
        """Returns the files of all sources, with the `part` of each.

        `parts` has name, weight, place and counts of each source.
        """
        found = [s.source.describe_files() or {} for s in self.streams]
        described = {"source": "mixture", "parts": []}
        described["ordered"] = self.is_ordered
        described |= {
            key: sum(one.get(key, 0) for one in found) for key in _COUNTS
        }
        # The sources share one list of failures.
        failed = [one.get("failed_reads", 0) for one in found]
        described["failed_reads"] = max(failed)
        shares = [float(part.weight) for part in self.parts]
        for part, stream, one in zip(
            self.parts, self.streams, found, strict=True
        ):
            described["parts"].append(
                {
                    "name": part.name,
                    "weight": part.weight,
                    "share": float(part.weight) / sum(shares),
                    "place": part.place,
                    "clips": len(stream.source),
                    **{k: v for k, v in one.items() if k not in _LISTS},
                }
            )
        for key in _LISTS:
            described[key] = [
                file | {"part": part.name}
                for part, one in zip(self.parts, found, strict=True)
                for file in one.get(key, ())
            ]
        return described

    def _place(self, index):
        if index < 0:
            raise IndexError(f"`index` must be at least 0. Received: {index}.")
        return self.order.place(index)


def _files_of(files, number) -> dict | None:
    """Returns what `describe_files` of a part returned; `None` if nothing."""
    part = files["parts"][number]
    if "num_files" not in part:
        return None
    lists = {
        key: [one for one in files[key] if one["part"] == part["name"]]
        for key in _LISTS
    }
    return part | lists
