"""The configuration of a run, and its comparison with that of a resume."""

import contextlib
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from layerlock.runs import writing


def describe_run(
    flags: dict,
    backend: str,
    versions: dict,
    devices: list,
    **facts,
) -> dict:
    """Returns the content of `config.json`.

    Adds the command, the time, the versions of Python and of all installed
    dependencies, and the git revision of the code.

    Args:
        flags: all options and their values, including derived defaults.
        backend: the Keras backend.
        versions: versions of `keras`, `layerlock` and the framework.
        devices: names of the devices, such as `["cpu:0"]`.
        **facts: further entries, such as
            `model={"num_layers": 8, "num_parameters": 973_000}`.
    """
    versions = {
        "python": platform.python_version(),
        **installed_versions(),
        **versions,
    }
    return writing.plain(
        {
            "command": command_line(),
            "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "backend": backend,
            "devices": [str(device) for device in devices],
            "git_revision": git_revision(),
            "versions": versions,
            **facts,
            "flags": flags,
        }
    )


def compare_config(old: dict, new: dict, may_change: Collection[str] = ()):
    """Raises if a resumed run has other options or another backend.

    Args:
        old: the configuration in the run directory.
        new: the configuration of this start, from `describe_run`.
        may_change: names of options that may differ, such as `"resume"` or
            `"workers"`, or `"backend"`.

    Raises:
        ValueError: with the old and the new value of each changed option.
    """
    changed = changed_options(old, new, may_change)
    if not changed:
        return
    lines = "\n".join(f"  {line}" for line in changed)
    allowed = ", ".join(sorted(may_change)) or "none"
    raise ValueError(
        f"A resumed run keeps its configuration. Changed:\n{lines}\n"
        "Use the old values, or start a new run with another `run_dir`. "
        f"Only these may change: {allowed}."
    )


def changed_options(
    old: dict, new: dict, may_change: Collection[str] = ()
) -> list[str]:
    """Returns a line for each changed option or backend, with its values.

    Args:
        old, new, may_change: as for `compare_config`.

    Example:

    >>> changed_options({"flags": {"steps": 9}}, {"flags": {"steps": 10}})
    ['steps: 9 -> 10']
    """
    before, now = _options(old), _options(new)
    return [
        f"{name}: {before.get(name)!r} -> {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if name not in may_change and before.get(name) != now.get(name)
    ]


def changed_versions(old: dict, new: dict) -> list[str]:
    """Returns a sentence for each version that changed.

    With other versions a resumed run may differ from the uninterrupted one by
    rounding.
    """
    before, now = old.get("versions", {}), new.get("versions", {})
    return [
        f"{name} was {before[name]} and is now {now[name]}."
        for name in before
        if name in now and before[name] != now[name]
    ]


def installed_versions() -> dict[str, str]:
    """Returns the versions of all installed dependencies, also optional ones.

    The list of dependencies comes from the metadata of the package.

    Example:

    >>> "numpy" in installed_versions()
    True
    """
    versions = {}
    for requirement in metadata.requires("layerlock") or ():
        name = re.match(r"[\w.-]+", requirement).group()
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def command_line() -> str:
    """The command that started this process, ready to paste into a shell."""
    backend = os.environ.get("KERAS_BACKEND")
    prefix = [f"KERAS_BACKEND={backend}"] if backend else []
    return shlex.join([*prefix, *sys.orig_argv])


def resume_command(backend: str, run_path, launcher=(), options=()) -> str:
    """Returns the command that resumes a run, whose options are recorded.

    Args:
        backend: str, of Keras.
        run_path: path of the run directory.
        launcher: words that start the processes. Defaults to `()`.
        options: words at the end. Defaults to `()`.

    Example:

    >>> resume_command("jax", "runs/mine")
    'KERAS_BACKEND=jax layerlock pretrain --run_dir=runs/mine --resume'
    """
    words = ["layerlock", "pretrain", f"--run_dir={run_path}", "--resume"]
    return shlex.join([f"KERAS_BACKEND={backend}", *launcher, *words, *options])


def git_revision() -> str | None:
    """Returns the git revision of this code, with `-dirty` if it has changes.

    Returns `None` if git does not track this file: an installed package may
    lie inside the checkout of another project.
    """
    here = Path(__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return None
    return _git(
        here.parent,
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "--no-optional-locks", "-C", os.fspath(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _options(config: dict) -> dict:
    config = writing.plain(config)
    return {**config.get("flags", {}), "backend": config.get("backend")}
