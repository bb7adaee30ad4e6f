"""Copies a folder of videos into one that is read faster."""

import concurrent.futures
import dataclasses
import json
import os
import pathlib

from layerlock.data import encoding, files, scan, streams

_LOG = "prepared.jsonl"


@dataclasses.dataclass(frozen=True)
class Job:
    """One copy.

    Args:
        source: path of the video.
        name: str, of the copy, relative to the folder of copies.
        span: first and last second, or `None` for all.
    """

    source: str
    name: str
    span: tuple[float, float] | None = None


def plan(spec, trims=None, folder=None) -> list[Job]:
    """Names a copy for every video, or for every trim of one.

    A copy has the name of its video, and ends in .mp4 whatever that ends in:
    labels that go by a name without its ending fit the copies too.

    Args:
        spec: a folder, a glob, a list or a video; as for `FolderSource`.
        trims: rows of path, first and last second; paths relative to the
            folder, or absolute. Defaults to `None`: the whole of every video.
        folder: path of the copies: what lies in it is not copied again, if a
            glob or a list names it. Defaults to `None`.

    Raises:
        ValueError: if a trim is of no video, or empty, or if there are no
            videos but copies.
    """
    root, paths = files.find(spec)
    if folder is not None:
        paths = _originals(spec, paths, folder)
    known = {_relative(path, root): path for path in paths}
    if trims is None:
        return [Job(path, _as_mp4(name)) for name, path in known.items()]
    jobs = []
    for name, first, last in trims:
        if os.path.isabs(name):
            name = _relative(name, root)
        if name not in known:
            raise ValueError(
                f"A trim is of {name!r}, which is not among the "
                f"{len(known)} videos of {spec}. Paths are relative to {root}."
            )
        if not 0 <= first < last:
            raise ValueError(
                "A trim is from a second to a later one. Received: "
                f"{name}, {first}, {last}."
            )
        stem = os.path.splitext(name)[0]
        jobs.append(
            Job(known[name], f"{stem}_{first:g}-{last:g}.mp4", (first, last))
        )
    return jobs


def prepare(
    spec, folder, trims=None, progress=None, num_threads=None, **settings
) -> dict:
    """Copies videos, or parts of them, into a folder of their own.

    What was cut off goes on. A copy is written again when its source changed.
    Copies were once called `one.mkv.mp4`: those that the log has by such a name
    keep it.

    Args:
        spec: the videos, see `plan`.
        folder: path of the copies.
        trims: see `plan`.
        progress: called with the numbers of copies done and to do.
        num_threads: int. Defaults to one per core.
        **settings: of `encoding.transcode`.

    Returns:
        A dict: `written`, `kept`, and `failed`, from paths to reasons.

    Raises:
        ValueError: if the folder holds anything else, or copies that were
            made with other settings, or would lie among the originals, or if
            two videos would get one name.
    """
    folder = pathlib.Path(folder).absolute()
    _check_place(spec, folder)
    settings = dict(sorted(settings.items()))
    done = _read_log(folder, settings)
    jobs = _keep_names(plan(spec, trims, folder), done)
    _check_names(jobs)
    missing = [
        job
        for job in jobs
        if done.get(job.name) != _key(job) or not (folder / job.name).exists()
    ]
    found = {"written": 0, "kept": len(jobs) - len(missing), "failed": {}}
    _open_log(folder)
    pool = concurrent.futures.ThreadPoolExecutor(num_threads or os.cpu_count())
    try:
        futures = {pool.submit(_copy, j, folder, settings): j for j in missing}
        finished = concurrent.futures.as_completed(futures)
        for count, future in enumerate(finished, start=1):
            job, reason = futures[future], future.result()
            if reason is None:
                found["written"] += 1
                _add_to_log(folder, job, settings)
            else:
                found["failed"][job.source] = reason
            if progress is not None:
                progress(count, len(missing))
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def sources(folder) -> dict[str, str]:
    """What the copies in a folder are of.

    Args:
        folder: path, of copies or of anything else.

    Returns:
        A dict from the path of each copy to that of its original, which need
        not exist any more; empty for a folder that was not prepared.
    """
    folder = os.path.abspath(folder)
    return {
        os.path.join(folder, entry["name"]): entry["key"][0]
        for entry in _entries(pathlib.Path(folder, _LOG))
    }


def _copy(job, folder, settings):
    """Returns why it failed, or `None`."""
    try:
        encoding.transcode(
            job.source, folder / job.name, span=job.span, **settings
        )
    except streams.DecodingError as error:
        return str(error)
    except Exception as error:
        # Nobody knows what a broken file makes a decoder do.
        return f"{type(error).__name__}: {streams.reason(error)}"
    return None


def _check_place(spec, folder):
    place = pathlib.Path(spec).expanduser().absolute()
    if not place.is_dir():
        place = place.parent / "?"  # whatever else lies beside a list is free
    if place in (folder, *folder.parents) or folder in place.parents:
        raise ValueError(
            f"The copies would lie among the originals. Received: {spec} and "
            f"{folder}. Take a folder beside that of the originals."
        )


def _originals(spec, paths, folder) -> list[str]:
    """The videos that are not copies."""
    folder = pathlib.Path(folder).resolve()
    kept = [
        path
        for path in paths
        if not pathlib.Path(path).parent.resolve().is_relative_to(folder)
    ]
    if not kept:
        raise ValueError(
            f"All {len(paths)} videos of {spec} are in the folder of the "
            f"copies, {folder}. Expected the originals."
        )
    return kept


def _keep_names(jobs, done) -> list[Job]:
    """Lets copies in the log keep the names that copies once had."""
    other = done.keys() - {job.name for job in jobs}
    return [
        dataclasses.replace(job, name=once) if once in other else job
        for job, once in zip(jobs, map(_name_once, jobs), strict=True)
    ]


def _name_once(job) -> str:
    """`one.mkv.mp4` for `one.mkv`, as copies of whole videos were called."""
    if job.span is not None:
        return job.name
    stem, ending = os.path.splitext(job.name)
    original = os.path.splitext(job.source)[1]
    return stem + original + ending * (original.lower() != ending)


def _check_names(jobs):
    names = {}
    for job in jobs:
        other = names.setdefault(job.name, job)
        if other is not job:
            raise ValueError(
                f"{other.source} and {job.source} would both become "
                f"{job.name}. Rename one of them, leave one out in a .txt "
                "list, or drop a trim."
            )


def _relative(path, root) -> str:
    """A name under the root; the whole path of what lies elsewhere."""
    name = os.path.relpath(path, root)
    if name.startswith(os.pardir):
        return os.path.abspath(path).lstrip(os.sep)
    return name


def _as_mp4(name: str) -> str:
    return f"{os.path.splitext(name)[0]}.mp4"


def _key(job) -> list:
    """What changes when the source of a copy changes."""
    key = scan.file_key(job.source)
    key = [str(key)] if isinstance(key, Exception) else key
    return [os.path.abspath(job.source), *key]


def _read_log(folder, settings) -> dict:
    """What was written, by name; refuses a folder of other settings."""
    path = folder / _LOG
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(
                f"The folder of the copies is not empty. Received: {folder}. "
                "Take a new one, or one that was prepared before."
            )
        return {}
    done = {}
    for entry in _entries(path):
        if entry["settings"] != settings:
            raise ValueError(
                f"{folder} was prepared with {entry['settings']}. Received: "
                f"{settings}. Take another folder, or the same settings."
            )
        done[entry["name"]] = entry["key"]
    return done


def _entries(path):
    """Yields what a log has of each copy; nothing if there is no log."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # cut off while it was written


def _open_log(folder):
    """Makes the log before any copy, and ends a line that was cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / _LOG, "a+b") as file:
        file.seek(0)
        if file.read()[-1:] not in (b"", b"\n"):
            file.write(b"\n")


def _add_to_log(folder, job, settings):
    entry = {"name": job.name, "key": _key(job), "settings": settings}
    with open(folder / _LOG, "a") as file:
        file.write(json.dumps(entry) + "\n")
