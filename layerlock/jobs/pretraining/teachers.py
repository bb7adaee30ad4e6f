"""The fixed teacher of a run: an encoder from a folder.

The run keeps a reference to it, and no copy.
"""

import os

from layerlock.backends import randomness
from layerlock.config import OptionError, PretrainConfig, facts
from layerlock.models import exported
from layerlock.models.video_encoder import VideoEncoder


def load(config: PretrainConfig) -> VideoEncoder | None:
    """The fixed teacher of a run in its own precision; `None` without one."""
    folder = facts.teacher_folder(config)
    if folder is None:
        return None
    precision = config.encoder.teacher_precision
    given = {"dtype": facts.policy(precision)} if precision else {}
    with randomness.preserved():  # the weights of the student stay the same
        return VideoEncoder.from_preset(
            folder, name="teacher", remat="none", **given
        )


def reference(config: PretrainConfig) -> dict | None:
    """Path and checksum of the fixed teacher; `None` without one."""
    folder = facts.teacher_folder(config)
    if folder is None:
        return None
    folder = exported.readable_path(folder)
    return {
        "path": os.fspath(folder.absolute()),
        "sha256": exported.identify(folder),
    }


def check_same(run, config: PretrainConfig):
    """Raises unless a run goes on with the teacher that it began with.

    Args:
        run: its `RunDirectory`.
        config: resolved.
    """
    changed = difference(run, config)
    if changed is None:
        return
    began_with, received = changed
    raise OptionError(
        f"A resumed run keeps its teacher. It began with {began_with}. "
        f"Received: {received}. Put the teacher of its start back, pass the "
        "place of a copy as `teacher`, or start a new run."
    )


def difference(run, config: PretrainConfig) -> tuple[str, str] | None:
    """The teacher of a run, and a different one of a configuration, in words.

    Args:
        run: its `RunDirectory`.
        config: resolved.

    Returns:
        Both teachers; `None` if they are the same.
    """
    before, now = run.config.get("teacher"), reference(config)
    if before and now and before["sha256"] == now["sha256"]:
        return None  # which may be in another place
    option, flags = config.encoder.teacher, run.config.get("flags", {})
    if not before and not now and flags.get("teacher") == option:
        return None
    began_with = (
        f"the encoder in {before['path']}, checksum {before['sha256'][:12]}"
        if before
        else f"teacher={flags.get('teacher')}"
    )
    received = f"teacher={option}"
    if now:
        received += f", checksum {now['sha256'][:12]}"
    return began_with, received
