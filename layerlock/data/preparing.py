"""Copies a folder of videos to one that decodes faster."""

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil

from layerlock.data import (
    copy_checks,
    copy_failures,
    copy_log,
    decoding,
    encoding,
    files,
    lists,
    scan,
)
from layerlock.data.names import readable


@dataclasses.dataclass(frozen=True)
class Job:
    """One copy.

    Args:
        source: path of the video.
        name: str, of the copy, relative to the folder of copies.
        span: first and last second, or `None` for all.
        label: str, of a list, or `None`.
    """

    source: str
    name: str
    span: tuple[float, float] | None = None
    label: str | None = None

    @property
    def is_still(self) -> bool:
        """Whether the copy is a picture, with the bytes of its source."""
        return lists.is_still(self.name)

    def key(self) -> list:
        """Returns a key that changes when the source changes."""
        key = scan.file_key(self.source)
        key = [str(key)] if isinstance(key, Exception) else key
        return [os.path.abspath(self.source), *key]


def plan(spec, trims=None, folder=None) -> list[Job]:
    """Returns a job for every video, or for every trim of a video.

    A copy has the name of its video with the extension .mp4, so that labels by
    name without extension fit the copies too. If there are only pictures, they
    keep their names, and are copied as they are.

    Args:
        spec: a folder, a glob, a list or a video; as for `FolderSource`.
        trims: rows of path, first and last second, as of `trims.read`; paths
            relative to the folder, or absolute. Defaults to `None`: the whole
            of every video.
        folder: path of the copies: videos in it are not copied, if a glob or
            a list contains them. Defaults to `None`.

    Raises:
        ValueError: if a trim has no video or is empty, or if all videos are
            copies.
    """
    root, paths, labels = files.find_labelled(spec, with_stills=True)
    labels = _by_path(paths, labels) if labels else {}
    if folder is not None:
        paths = _originals(spec, paths, folder)
    known = {_relative(path, root): path for path in paths}
    if trims is None:
        name_of = str if all(map(lists.is_still, paths)) else _as_mp4
        return [
            Job(path, name_of(name), label=labels.get(path))
            for name, path in known.items()
        ]
    jobs = []
    for name, first, last, *place in trims:
        where = f" ({place[0]})" if place else ""
        name = os.path.normpath(name)
        if os.path.isabs(name):
            name = _relative(name, root)
        found = (one for one in lists.spellings(name) if one in known)
        name = next(found, name)
        if name not in known:
            raise ValueError(
                f"The video '{readable(name)}' of a trim{where} is not among "
                f"the {len(known)} videos of {readable(spec)}. Paths are "
                f"relative to {readable(root)}."
            )
        if not 0 <= first < last:
            raise ValueError(
                "The last second of a trim must be after the first. Received: "
                f"{readable(name)}, {first}, {last}{where}."
            )
        stem = os.path.splitext(name)[0]
        path, name = known[name], f"{stem}_{first:g}-{last:g}.mp4"
        jobs.append(Job(path, name, (first, last), labels.get(path)))
    return jobs


def prepare(
    spec, folder, trims=None, progress=None, num_threads=None, **settings
) -> dict:
    """Copies videos, or trims of videos, into a folder.

    It resumes after an interrupt. A copy is written again if its source
    changed. Copies in the log with an old name, such as `one.mkv.mp4`, keep it.

    Args:
        spec: the videos, see `plan`.
        folder: path of the copies.
        trims: see `plan`.
        progress: function of the number of finished copies and the number of
            all copies.
        num_threads: int. Defaults to one per core.
        **settings: of `encoding.transcode`.

    Returns:
        A dict: `written`, `kept`, and `failed`, from paths to reasons.

    Raises:
        ValueError: if the folder contains other files or copies with other
            settings, if it is inside the folder of originals, or if two
            copies have the same name.
    """
    folder = pathlib.Path(folder).expanduser().absolute()
    copy_checks.check_place(spec, folder)
    settings = dict(sorted(settings.items()))
    done = copy_log.read(folder, settings)
    jobs = _keep_names(plan(spec, trims, folder), done)
    copy_checks.check_jobs(jobs)
    with copy_log.begun(folder):
        return _prepare(jobs, done, folder, progress, num_threads, settings)


def _prepare(jobs, done, folder, progress, num_threads, settings) -> dict:
    keys = {job: job.key() for job in jobs}  # of what is about to be read
    missing = [
        job
        for job in jobs
        if done.get(job.name) != keys[job] or not (folder / job.name).exists()
    ]
    summary = {"written": 0, "kept": len(jobs) - len(missing), "failed": {}}
    pool = concurrent.futures.ThreadPoolExecutor(num_threads or os.cpu_count())
    try:
        futures = {pool.submit(_copy, j, folder, settings): j for j in missing}
        finished = concurrent.futures.as_completed(futures)
        for count, future in enumerate(finished, start=1):
            job, reason = futures[future], future.result()
            if reason is None and job.key() != keys[job]:
                reason = "it changed while it was copied: prepare it again"
            if reason is None:
                summary["written"] += 1
                copy_log.add(folder, job.name, keys[job], settings)
            else:
                summary["failed"][job.source] = reason
            if progress is not None:
                progress(count, len(missing))
    finally:
        pool.shutdown(cancel_futures=True)
    return summary


def sources(folder) -> dict[str, str]:
    """Returns the originals of the copies in a folder.

    Args:
        folder: path, of copies or of anything else.

    Returns:
        A dict from the path of each copy to that of its original, which may be
        missing; empty for a folder without copies.
    """
    folder = os.path.abspath(folder)
    return {
        os.path.join(folder, entry["name"]): entry["key"][0]
        for entry in copy_log.entries(folder)
    }


def _copy(job, folder, settings):
    """Writes a copy; returns the reason of a failure, or `None`."""
    target = folder / job.name
    if folder not in target.parents:
        raise ValueError(f"{target} would be outside of {folder}.")
    try:
        if job.is_still:
            _copy_still(job.source, target)
        else:
            copy_checks.check_source(job)
            encoding.transcode(job.source, target, span=job.span, **settings)
    except Exception as error:
        # A broken file may raise any exception in a decoder.
        return copy_failures.reason_of(error, job.source, folder)
    return None


def _copy_still(path, target):
    """Writes a picture as it is, if it can be read."""
    decoding.probe(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".writing_{target.name}")
    try:
        shutil.copyfile(path, draft)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _by_path(paths, labels) -> dict[str, str]:
    """Returns the label of each path; raises if one has two."""
    found = {}
    for path, label in zip(paths, labels, strict=True):
        if found.setdefault(path, label) != label:
            raise ValueError(
                f"{readable(path)} has two labels, {readable(found[path])} "
                f"and {readable(label)}. Give each video one label."
            )
    return found


def _originals(spec, paths, folder) -> list[str]:
    """Returns the videos that are not copies."""
    folder = pathlib.Path(folder).expanduser().resolve()
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
    """Keeps the old names of copies that are in the log."""
    other = done.keys() - {job.name for job in jobs}
    return [
        dataclasses.replace(job, name=once) if once in other else job
        for job, once in zip(jobs, map(_name_once, jobs), strict=True)
    ]


def _name_once(job) -> str:
    """Returns the old name of a copy: `one.mkv.mp4` for `one.mkv`."""
    if job.span is not None:
        return job.name
    stem, ending = os.path.splitext(job.name)
    original = os.path.splitext(job.source)[1]
    return stem + original + ending * (original.lower() != ending)


def _relative(path, root) -> str:
    """Returns the path relative to the root, or below the root of its disk."""
    try:
        name = os.path.relpath(path, root)
    except ValueError:  # on another drive of Windows
        name = os.pardir
    if name.startswith(os.pardir):
        drive, name = os.path.splitdrive(os.path.abspath(path))
        drive = drive.replace(":", "").strip(os.sep)
        return os.path.join(drive, name.lstrip(os.sep))
    return name


def _as_mp4(name: str) -> str:
    return f"{os.path.splitext(name)[0]}.mp4"
