"""Copies a folder of videos once, so that clips are read faster ever after."""

import pathlib
import time

from layerlock.config import OptionError, PrepareConfig
from layerlock.data import copy_checks, copy_log, packing, preparing, trims
from layerlock.data.names import readable
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.runs import wording

NUM_NAMED = 10


def start(config: PrepareConfig):
    """Checks a configuration; returns what copies the videos."""
    config, parts, _ = build(config)
    copies = config.copies

    def work() -> dict:
        started = time.monotonic()
        try:
            counts = write(copies, parts)
        except (ValueError, OSError, ImportError) as error:
            raise JobError(str(error)) from error
        report(counts, time.monotonic() - started)
        return counts

    return work


def build(config: PrepareConfig) -> tuple:
    """The resolved configuration, the rows of the trims, and the copies.

    Raises:
        ValueError: if the videos, the trims or the folder of the copies do
            not fit.
        ImportError: if the copies cannot be encoded here.
    """
    config = config.resolve()
    copies, num_shards = config.copies, config.copies.num_shards()
    parts = read_trims(copies.trims)
    folder = pathlib.Path(copies.out).absolute()
    copy_checks.check_place(copies.data, folder)
    jobs = preparing.plan(copies.data, parts, copies.out)
    if num_shards is None and copy_log.read(folder, settings(copies)):
        return config, parts, jobs  # an older log may have other names
    copy_checks.check_jobs(jobs)
    if num_shards is not None and num_shards > len(jobs):
        raise OptionError(
            "`shards` must be from 1 to the number of videos, "
            f"{len(jobs)}. Received: shards={num_shards}."
        )
    return config, parts, jobs


def settings(copies) -> dict:
    """How copies are encoded, as the log of a folder has it.

    Args:
        copies: the `CopiesConfig`.
    """
    return {
        "crf": copies.crf,
        "key_frame_seconds": copies.key_frame_seconds,
        "short_side": copies.short_side,
    }


def write(copies, trims) -> dict:
    """Writes loose copies, or shards; returns what was written and what not.

    Args:
        copies: the `CopiesConfig`.
        trims: rows of `read_trims`.
    """
    arguments = {
        "trims": trims,
        "progress": show,
        "num_threads": copies.workers,
        **settings(copies),
    }
    num_shards = copies.num_shards()
    if num_shards is None:
        return preparing.prepare(copies.data, copies.out, **arguments)
    return packing.pack(
        copies.data, copies.out, num_shards, copies.part(), **arguments
    )


def report(counts: dict, seconds: float):
    """Prints how many videos were copied, and those that were not."""
    print(
        f"{counts['written']} copies written in {wording.duration(seconds)}, "
        f"{counts['kept']} were there, {len(counts['failed'])} videos cannot "
        "be read."
    )
    for path, reason in list(counts["failed"].items())[:NUM_NAMED]:
        print(f"  {readable(path)}: {reason}")
    if len(counts["failed"]) > NUM_NAMED:
        print("  ...")
    if not counts["written"] + counts["kept"]:
        raise JobError("nothing could be copied.")


def read_trims(path) -> list | None:
    """The rows of a table of trims; `None` without one."""
    if path is None:
        return None
    try:
        return trims.read(path)
    except ValueError as error:
        raise OptionError(str(error)) from None


def show(done: int, total: int):
    """Prints a line for every tenth of the videos."""
    if done == total or done % max(1, total // 10) == 0:
        print(f"{done} of {total}", flush=True)


def plan(config: PrepareConfig) -> Plan:
    """How many copies would be written, and how large the originals are."""
    config, _, jobs = build(config)
    copies = config.copies
    line = f"{len(jobs)} copies would be in {readable(copies.out)}."
    found = {"name": "prepare plan", "copies": len(jobs)}
    if (num_shards := copies.num_shards()) is not None:
        place = readable(copies.out)
        line = f"{len(jobs)} copies would be in {num_shards} shards in {place}."
        found["shards"] = num_shards
    return Plan(config, [line], found)


prepare = Job(
    "prepare",
    PrepareConfig,
    start,
    plan,
    """Copies a folder of videos once, so that clips are read faster.

    The time to decode a clip depends on the size of the frames and on the
    distance between key frames. The copies are upright, have a shorter side of
    `short_side` pixels, and a key frame every `key_frame_seconds`. Folders and
    names are those of the originals, with the ending .mp4. The originals are
    never changed. With `shards`, the copies are packed into a few ArrayRecord
    files, which hold names and labels too. Pictures, in a place without
    videos, are copied or packed as they are. Copies continue where an earlier
    call was stopped, and videos that cannot be read are listed. Lists and
    labels of a data set, such as train.json, go beside the copies by hand.

    Args:
        config: a `PrepareConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `data` and `out` must be set.

    Returns:
        A dict: `written` and `kept`, numbers of copies, and `failed`, a dict
        from path to reason; or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, or there are no videos.
        JobError: if nothing could be copied.

    Example:

    ```python
    layerlock.prepare(data="videos", out="small")
    layerlock.pretrain(data="small")
    ```
    """,
)
