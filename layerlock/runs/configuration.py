"""What a run was started with, and whether a resume still asks for it."""

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
    """Everything `config.json` says about how a run was started.

    The command, the time, the versions of Python and of every dependency that
    is installed and the git revision of the code are found here.

    Args:
        flags: every flag and its value, derived defaults included.
        backend: the Keras backend.
        versions: versions of `keras`, `layerlock` and the framework.
        devices: names of the devices, such as `["cpu:0"]`.
        **facts: more of the same, such as
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
    """Refuses to go on with a run under other flags or another backend.

    Args:
        old: the configuration in the run directory.
        new: the configuration of this start, from `describe_run`.
        may_change: names of the flags that may differ, such as `"resume"` or
            `"workers"`; `"backend"` is a name too.

    Raises:
        ValueError: naming each changed flag with its old and new value.
    """
    changed = changed_options(old, new, may_change)
    if not changed:
        return
    lines = "\n".join(f"  {line}" for line in changed)
    allowed = ", ".join(sorted(may_change)) or "none"
    raise ValueError(
        f"A resumed run keeps its configuration. Changed:\n{lines}\n"
        "Give these their old values, or start a new run in another "
        f"`--run_dir`. What may change: {allowed}."
    )


def changed_options(
    old: dict, new: dict, may_change: Collection[str] = ()
) -> list[str]:
    """One line per flag that differs, the backend being one, with its values.

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
    """One sentence per version that differs between two configurations.

    Under other versions a resumed run need not repeat the uninterrupted one
    bit for bit; nothing else is wrong with it.
    """
    before, now = old.get("versions", {}), new.get("versions", {})
    return [
        f"{name} was {before[name]} and is now {now[name]}."
        for name in before
        if name in now and before[name] != now[name]
    ]


def installed_versions() -> dict[str, str]:
    """Versions of the dependencies, optional ones included, where installed.

    The list is that of the installed package: `pyproject.toml`.

    Example:

    >>> "numpy" in installed_versions()
    True
    """
    found = {}
    for requirement in metadata.requires("layerlock") or ():
        name = re.match(r"[\w.-]+", requirement).group()
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def command_line() -> str:
    """The command that started this process, ready to paste into a shell."""
    backend = os.environ.get("KERAS_BACKEND")
    prefix = [f"KERAS_BACKEND={backend}"] if backend else []
    return shlex.join([*prefix, *sys.orig_argv])


def resume_command(backend: str, run_path) -> str:
    """The command that continues a run. The options are in its config.json.

    Example:

    >>> resume_command("jax", "runs/mine")
    'KERAS_BACKEND=jax layerlock pretrain --run_dir=runs/mine --resume'
    """
    words = ["layerlock", "pretrain", f"--run_dir={run_path}", "--resume"]
    return shlex.join([f"KERAS_BACKEND={backend}", *words])


def git_revision() -> str | None:
    """The revision of this code, with `-dirty` if it was changed since.

    None if the code does not come from a git checkout: an installed package
    may lie inside the checkout of something else, which is not its revision.
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
    return {**config["flags"], "backend": config.get("backend")}
