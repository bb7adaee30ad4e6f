"""Options of the jobs that write videos: prepare and visualise."""

import pathlib
import re

from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section


@section
class CopiesConfig(Section):
    """The videos, and how their copies are written."""

    title = "Copies"

    data: str = option(
        help="A folder, a glob, or a .txt or .csv list of videos."
    )
    out: str = option(help="Folder of the copies.")
    short_side: int = option(
        256,
        "Pixels of the shorter side; smaller videos keep their size.",
        low=16,
    )
    key_frame_seconds: float = option(0.5, "Seconds between key frames.", low=0)
    crf: int = option(
        20,
        "Quality of x264: a lower value is better, and writes larger files.",
        low=0,
        high=51,
    )
    trims: str | None = option(
        None,
        "CSV of path, first and last time, with a row of names or without: "
        "copies these parts alone, those of one.mp4 as one_FIRST-LAST.mp4.",
    )
    shards: int | None = option(
        None,
        "Packs the copies into this number of ArrayRecord files; not set: one "
        "file for each video.",
        low=1,
    )
    shard: str | None = option(
        None,
        "I/N, from 1/N to N/N: writes this part of the shards only, as one of "
        "N jobs. Without shards, there are N.",
    )
    workers: int | None = option(
        None,
        "Videos, or shards, that are written at a time; not set: one for each "
        "core.",
        low=1,
    )
    plan: bool = option(
        False, "Show the options and the number of copies, and copy nothing."
    )

    def part(self) -> tuple[int, int]:
        """The part of the shards to write, and the number of parts."""
        if self.shard is None:
            return 1, 1
        if found := re.fullmatch(r"(\d+)/(\d+)", self.shard):
            number, count = map(int, found.groups())
            if 1 <= number <= count:
                return number, count
        raise OptionError(
            "`shard` is I/N, where I is from 1 to N. Received: "
            f"shard={self.shard!r}. In a job array that counts from 0, add 1."
        )

    def num_shards(self) -> int | None:
        """The number of shards; `None` for loose files."""
        if self.shards is None and self.shard is not None:
            return self.part()[1]
        return self.shards

    def check_together(self, config):
        if "://" in self.out:
            raise OptionError(
                "`out` is a folder on this disk. Received: "
                f"out={self.out!r}. Copy the finished files to an address."
            )
        number, count = self.part()
        if self.shards is not None and count > self.shards:
            raise OptionError(
                "`shard` has more parts than there are shards. Received: "
                f"shard={self.shard!r}, shards={self.shards}."
            )


def _out(config):
    """VIDEO-features.mp4 in the working directory"""
    return f"{pathlib.Path(config.pictures.video).stem}-features.mp4"


@section
class PicturesConfig(Section):
    """The video whose features are shown, and the video that is written."""

    title = "Video"

    video: str = option(help="The video.")
    out: str = option(rule=_out, help="The mp4 that is written.")
    fps: float | None = option(
        None, "Frames per second; not set: the video's, at most 8."
    )
    size: int | None = option(
        None, "Height and width of the frames; not set: the encoder's."
    )
    seconds: float = option(
        60.0, "Longest part of the video that is shown.", low=0.1
    )
    plan: bool = option(
        False, "Show the options and the cost, and write nothing."
    )
