"""Watches a hostile input: what it runs, opens, allocates and raises."""

import ast
import contextlib
import functools
import os
import pathlib
import resource
import sys
import threading
import traceback

from tests.fuzz.hostile import SECRET

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = str(ROOT / "layerlock") + os.sep
MEMORY = 2 << 30  # bytes that one input may add to the address space

_RUNS = {
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "pickle.find_class",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "webbrowser.open",
}
_CODE = {"exec", "marshal.loads"}
_WRITES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "shutil.rmtree"}
_watched = threading.local()
_installed = []


class Breach(Exception):
    """An input ran code, left its folder, or exceeded its memory."""


def _audit(event, arguments):
    folder = getattr(_watched, "folder", None)
    if folder is None:
        return
    if event in _RUNS or (event in _CODE and not _is_import()):
        _watched.breaches.append(f"{event} {str(arguments)[:120]}")
    elif event == "open" and isinstance(arguments[0], str | bytes):
        _check_open(os.fsdecode(arguments[0]), arguments[1:], folder)
    elif event in _WRITES and isinstance(arguments[0], str | os.PathLike):
        path, parent = os.fspath(arguments[0]), arguments[-1]
        if isinstance(parent, int) and parent >= 0:  # an open folder
            path = os.path.join(os.readlink(f"/proc/self/fd/{parent}"), path)
        _check_place(event, path, folder)
        if event == "os.rename":
            _check_place(event, os.fspath(arguments[1]), folder)


def _check_open(path, arguments, folder):
    mode, flags = arguments
    writes = set(mode or "") & set("wax+") or (
        mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    if SECRET in os.path.basename(path):
        _watched.breaches.append(f"open {path}")
    elif writes:
        _check_place("write", path, folder)


def _check_place(event, path, folder):
    path = os.path.realpath(path)
    if not path.startswith((folder + os.sep, os.devnull)) and path != folder:
        _watched.breaches.append(f"{event} {path}")


def _is_import() -> bool:
    """Whether the code that runs is that of a module being imported."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or "/jinja2/" in name:
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def watched(folder):
    """Raises `Breach` if the body runs code or writes outside of a folder."""
    if not _installed:
        sys.addaudithook(_audit)
        _installed.append(True)
    _watched.breaches = []
    _watched.folder = os.path.realpath(folder)
    try:
        with limited_memory():
            yield
    finally:
        _watched.folder = None
        breaches = _watched.breaches
        if breaches:
            raise Breach(breaches[0])


@contextlib.contextmanager
def limited_memory():
    """Lets the address space grow by `MEMORY` at most."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def outcome(call, refusals: tuple = ()) -> tuple[str, str]:
    """Calls a function; returns how it ended, and the message or the finding.

    Args:
        call: function without arguments.
        refusals: types of exceptions that count as a sentence wherever they
            are raised, such as those of `absl.flags`.

    Returns:
        `"accepted"`, `"refused"` or `"finding"`, and details.
    """
    try:
        call()
    except Breach as error:
        return "finding", f"Breach: {error}"
    except refusals as error:
        return "refused", str(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if is_sentence(error):
            return "refused", str(error)
        return "finding", describe(error)
    return "accepted", ""


def is_sentence(error: BaseException) -> bool:
    """Whether the package itself raised it, with words of its own."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    message = str(error)
    return (
        isinstance(error, ValueError | TypeError | OSError | RuntimeError)
        and last.filename.startswith(PACKAGE)
        and last.lineno in _raising_lines(last.filename)
        and len(message.split()) > 2
    )


def describe(error: BaseException) -> str:
    """Type and message of an exception, and the last line of the package."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(PACKAGE)]
    place = ""
    if ours:
        name = ours[-1].filename.removeprefix(str(ROOT) + os.sep)
        place = f" at {name}:{ours[-1].lineno}"
    last = frames[-1]
    return (
        f"{type(error).__name__}: {str(error)[:160]!r}{place} "
        f"(raised at {last.filename[-60:]}:{last.lineno})"
    )


@functools.cache
def _raising_lines(filename) -> frozenset:
    """The lines of the `raise` statements of a file that name an exception."""
    tree = ast.parse(pathlib.Path(filename).read_text())
    return frozenset(
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc is not None
        for line in range(node.lineno, node.end_lineno + 1)
    )
