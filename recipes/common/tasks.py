"""The task that a recipe's flags ask for, and the folder of its results."""

import contextlib
import os
import pathlib
import shutil

from layerlock import evaluation, plugins
from layerlock.data.source import check_geometry
from layerlock.evaluation import encoders
from layerlock.models.patches import patch_grid
from layerlock.runs import directory

FEATURES = ".features"


def build_task(values, encoder) -> evaluation.Task:
    """The task that the flags ask for, on clips as the encoder likes them.

    Args:
        values: the recipe's `absl.flags.FlagValues`, parsed.
        encoder: what the task is for.

    Raises:
        ValueError: if the clips do not divide into the encoder's patches, or
            the task cannot be built.
    """
    found = plugins.find(
        "layerlock.evaluation.tasks", values.task, evaluation.Task
    )
    arguments = plugins.parse_arguments(values.task_args, found)
    frames, size, _ = encoder.clip_shape
    for name, usual in (("frames", frames), ("size", size)):
        asked = getattr(values, name)
        arguments.setdefault(name, usual if asked is None else asked)
    frames, size = arguments["frames"], arguments["size"]
    check_geometry(frames, size)
    patch_grid((frames, size, size), encoder.patch_size)
    if "fps" in plugins.argument_names(found) and _is_run(values.encoder):
        flags = directory.RunDirectory.open(values.encoder).config["flags"]
        arguments.setdefault("fps", flags.get("fps"))
    if "data" not in plugins.argument_names(found):
        if values.data is not None:
            raise ValueError(f"--task={values.task} reads no files: no --data.")
    elif values.data is None:
        raise ValueError(f"--task={values.task} needs --data, its folder.")
    else:
        arguments["data"] = values.data
    return found(**arguments)


def describe_clips(task, values) -> str:
    """What clips are judged on, and a warning where others may be compared.

    Args:
        task: the `Task`.
        values: the recipe's `absl.flags.FlagValues`, parsed.
    """
    shape = f"Clips of {task.frames} frames of {task.size}x{task.size}"
    kind = values.encoder.partition(":")[0]
    if kind in encoders.BASELINES and None in (values.frames, values.size):
        return (
            f"{shape}, as the preset has them. Compare with a run at its own: "
            "--frames and --size."
        )
    return f"{shape}."


def _is_run(encoder) -> bool:
    return (pathlib.Path(encoder) / "metrics.jsonl").exists()


def choose_folder(values, kind: str) -> pathlib.Path:
    """The folder of the results: a new or an empty one.

    One that was left when a probe was killed counts as empty.

    Args:
        values: the recipe's `absl.flags.FlagValues`, parsed.
        kind: name of the folder for all results of this recipe.
    """
    if values.out:
        out = pathlib.Path(values.out)
    else:
        home = pathlib.Path(values.encoder)
        if not _is_run(home):
            home = pathlib.Path("runs") / home.name.replace(":", "-")
        name = f"{values.task}-{values.readout}" + "-student" * values.student
        out, count = home / kind / name, 1
        while out.exists() and not _is_left(out):
            count += 1
            out = out.with_name(f"{name}-{count}")
    if not _is_left(out):
        directory.check_free(out, "out")
    return out


def _is_left(folder) -> bool:
    """Whether nothing but kept features is in a folder."""
    return (folder / FEATURES).is_dir() and len(os.listdir(folder)) == 1


@contextlib.contextmanager
def made(folder: pathlib.Path):
    """Makes the folder of the results; it is gone if nothing came into it.

    Yields:
        A folder inside of it, for features while they are needed. What a
        killed process left there is used.
    """
    kept = folder / FEATURES
    kept.mkdir(parents=True, exist_ok=True)
    try:
        yield kept
    finally:
        shutil.rmtree(kept, ignore_errors=True)
        with contextlib.suppress(OSError):  # it is not empty
            folder.rmdir()
