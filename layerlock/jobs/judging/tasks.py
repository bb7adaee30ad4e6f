"""The task of a job, and the folder of its results."""

import contextlib
import pathlib
import shutil

import filelock

from layerlock import evaluation
from layerlock.config import JobConfig, OptionError, components, facts
from layerlock.config.evaluation import FEATURES, LOCK, is_left
from layerlock.data.source import check_geometry
from layerlock.evaluation import encoders
from layerlock.models.patches import patch_grid
from layerlock.runs import directory


def build_task(config: JobConfig, encoder) -> evaluation.Task:
    """The task on clips of the length and size that the encoder takes.

    Args:
        config: resolved, with the sections `encoder` and `task`.
        encoder: what the task is for.

    Raises:
        ValueError: if the clips do not divide into the encoder's patches, or
            the task cannot be built.
    """
    task, data = config.task.task, config.task.data
    arguments = components.own_arguments(config, "task")
    accepted = components.accepted(config, "task")
    frames = arguments.get("frames", config.task.frames)
    size = arguments.get("size", config.task.size)
    if not isinstance(task, str):
        frames, size = task.frames, task.size
    for name, length in (("frames", frames), ("size", size)):
        if name in config.task.given and getattr(config.task, name) != length:
            raise OptionError(
                f"The task has `{name}={length}`. Received: "
                f"`{name}={getattr(config.task, name)}`. Leave one of them out."
            )
    check_geometry(frames, size)
    patch_grid((frames, size, size), encoder.patch_size)
    more = {"frames": frames, "size": size}
    reads_videos = not {"fps", "sampling"}.isdisjoint(accepted)
    if reads_videos and facts.is_run(config.encoder.encoder):
        run = directory.RunDirectory.open(config.encoder.encoder)
        given = run.config.get("flags", {})
        more |= _how_read(given, arguments, facts.plugin_class("task", task))
    if "data" not in accepted:
        if data is not None:
            raise OptionError(f"`task={task}` reads no files: no `data`.")
    elif data is None and isinstance(task, str):
        raise OptionError(f"`task={task}` needs `data`, its folder.")
    else:
        more["data"] = data
    return components.build(config, "task", **more)


def _how_read(given: dict, arguments: dict, task: type) -> dict:
    """How a run read its videos, as far as a task does not say so itself.

    Args:
        given: the run's options.
        arguments: of the task, from `task_args`.
        task: the class of the task.
    """
    sampling = arguments.get("sampling", task.published_sampling)
    if sampling is None:
        sampling = given.get("sampling", "rate")
    rate = {} if sampling == "whole" else {"fps": given.get("fps")}
    return {"sampling": sampling, **rate}


def describe_clips(task, config: JobConfig) -> str:
    """What clips are judged on, and a warning where others may be compared.

    Args:
        task: the `Task`.
        config: resolved, with the sections `encoder` and `task`.
    """
    shape = f"Clips of {task.frames} frames of {task.size}x{task.size}"
    kind = config.encoder.encoder.partition(":")[0]
    is_default = {"frames", "size"} - config.task.given
    if kind in encoders.BASELINES and is_default:
        return (
            f"{shape}, the preset's default. To compare with a run, take its "
            "`frames` and `size`."
        )
    return f"{shape}."


def check_folder(config: JobConfig) -> pathlib.Path:
    """The folder of the results, which must be new or empty.

    The folder of a probe that was killed counts as empty.

    Args:
        config: resolved, with the section `results`.
    """
    out = pathlib.Path(config.results.out)
    if not (out.is_dir() and is_left(out)):
        directory.check_free(out, "out")
    return out


@contextlib.contextmanager
def made(folder: pathlib.Path):
    """Makes the folder of the results; removes it if it stays empty.

    Other jobs cannot write there meanwhile.

    Yields:
        A folder inside of it, for features while they are needed. What a
        killed process left there is used.

    Raises:
        OptionError: if another job writes its results there.
    """
    kept = folder / FEATURES
    kept.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise OptionError(
            f"Another job writes its results into {folder}. Pass another `out`."
        ) from error
    except (OSError, NotImplementedError):
        pass  # a disk without locks
    try:
        yield kept
    finally:
        shutil.rmtree(kept, ignore_errors=True)
        # Removed while it is held: who waits for the old file notices it.
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):  # it is not empty
            folder.rmdir()
