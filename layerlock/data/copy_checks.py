"""What is checked before videos are copied."""

import pathlib

from layerlock.data import decoding, streams


def check_place(spec, folder):
    """Raises if the copies would be inside the folder of the originals."""
    place = pathlib.Path(spec).expanduser().resolve()
    folder = pathlib.Path(folder).resolve()
    if not place.is_dir():
        place = place.parent / "?"  # other files beside a list do not count
    if place in (folder, *folder.parents) or folder in place.parents:
        raise ValueError(
            f"The copies would be inside the folder of the originals. "
            f"Received: {spec} and {folder}. Use a folder beside it."
        )


def check_jobs(jobs):
    """Raises unless copies have names of their own and can be encoded."""
    _check_names(jobs)
    if not all(job.is_still for job in jobs):
        _check_encoder()


def check_source(job):
    """Raises if training would count a video as unreadable, as a truncated one.

    A copy of it would look complete. A trim may lie in what is left.

    Raises:
        DecodingError: with the reason.
    """
    if job.span is None:
        decoding.probe(job.source)


def _check_names(jobs):
    """Raises if two copies have the same name."""
    names = {}
    for job in jobs:
        other = names.setdefault(job.name, job)
        if other is not job:
            raise ValueError(
                f"{other.source} and {job.source} would both become "
                f"{job.name}. Rename one of them, leave one out in a .txt "
                "list, or drop a trim."
            )


def _check_encoder():
    try:
        streams.require_av().Codec("libx264", "w")
    except ValueError as error:
        raise ImportError(
            "Copies are encoded with x264, which this build of FFmpeg lacks. "
            'To install one: pip install "layerlock[video]"'
        ) from error
