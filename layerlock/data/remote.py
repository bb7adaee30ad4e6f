"""Files at addresses such as `s3://bucket/folder`, with a local cache."""

import contextlib
import datetime
import errno
import hashlib
import os
import pathlib
import tempfile
import time

from layerlock import disk
from layerlock.data import scan, streams
from layerlock.data.streams import DecodingError

_INSTALL = (
    'For s3:// addresses: pip install "layerlock[remote]". For gs:// install '
    "gcsfs, and for hf:// huggingface-hub."
)
# What stores call a version of the contents: S3 and HTTP, Google, Azure, and
# repositories and buckets of Hugging Face.
_VERSIONS = ("ETag", "generation", "etag", "blob_id", "xet_hash")
_PAUSES = (1, 2, 4, 8)  # seconds before an attempt is repeated
_LASTING = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
)
_fetched = {}  # the local copies of addresses that this process has asked for
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def is_address(place) -> bool:
    """Whether a place is an address, not a path on this disk.

    Example:

    >>> is_address("s3://bucket/shards"), is_address("/videos")
    (True, False)
    """
    protocol, separator, _ = os.fspath(place).partition("://")
    return bool(separator) and protocol.replace("+", "").isalnum()


def find(place: str, ending: str) -> tuple[str, list[str]]:
    """Returns the folder of files at an address, and their addresses.

    Args:
        place: address of a folder, of a file, or a glob.
        ending: of the names of the files.

    Where the network or the store fails, it tries again for some seconds.

    Raises:
        ValueError: if the address cannot be read.
        ImportError: if the library of the protocol is not installed.
    """
    store, path = _store(place)
    try:
        root, found = _repeated(lambda: _listed(store, path))
    except Exception as error:  # each store has errors of its own
        raise ValueError(
            f"{place} cannot be read: {_reason(error)}. Check the address and "
            "your access to it."
        ) from error
    names = (one for one in sorted(found) if one.endswith(ending))
    addresses = [
        store.unstrip_protocol(name)
        for name in names
        if not name.rpartition("/")[2].startswith(".")
    ]
    for address in addresses:
        _fetched.pop(address, None)  # it may have changed
    return store.unstrip_protocol(root), addresses


def fetch(address: str) -> str:
    """Returns the path of a local copy of a file.

    Copies stay in the user's cache (`layerlock/remote` in `XDG_CACHE_HOME`).
    A file that changes at its address is copied again by the next process that
    reads it. The store is asked once, so that a copy is read without a network.
    Where the network or the store fails, it is tried again for some seconds.

    Then the last copy is taken, if there is one.

    Raises:
        DecodingError: if the file cannot be copied, with the reason.
        layerlock.disk.DiskError: if there is no room for it.
    """
    copy = _fetched.get(address)
    if copy is not None and os.path.exists(copy):
        return copy
    store, path = _store(address)
    try:
        copy = str(_repeated(lambda: _cached(store, path, address)))
    except Exception as error:  # each store has errors of its own
        if getattr(error, "errno", None) in _FULL:
            raise disk.explained(
                OSError(
                    error.errno, error.strerror, str(_last(address).parent)
                ),
                "or set XDG_CACHE_HOME to a folder of another one, then start "
                "again.",
            ) from error
        copy = _last_copy(address) if _may_pass(error) else None
        if copy is None:
            raise DecodingError(
                f"it cannot be copied from its address: {_reason(error)}"
            ) from error
    else:
        with contextlib.suppress(OSError):  # it only serves without a network
            _last(address).write_text(os.path.basename(copy))
    _fetched[address] = copy
    return copy


def _repeated(action):
    """Returns the result of an action, which is repeated if it may succeed."""
    for pause in _PAUSES:
        try:
            return action()
        except Exception as error:  # each store has errors of its own
            if not _may_pass(error):
                raise
        time.sleep(pause)
    return action()


def _listed(store, path) -> tuple[str, list[str]]:
    """Returns the folder of a place of a store, and what is there."""
    if "*" in path or "?" in path:
        root = path.rpartition("/")[0]
        while "*" in root or "?" in root:
            root = root.rpartition("/")[0]
        return root, store.glob(path)
    if store.isdir(path):
        return path.rstrip("/"), store.ls(path, detail=False)
    return path.rpartition("/")[0], [path]


def _cached(store, path, address) -> pathlib.Path:
    """Returns the local copy of a file, which is made if it is missing."""
    version = _version(store, path)
    digest = hashlib.sha256(f"{address}\n{version}".encode()).hexdigest()
    name = f"{digest[:32]}{pathlib.Path(path).suffix}"
    copy = scan.default_cache() / "remote" / name
    if copy.exists():
        return copy
    copy.parent.mkdir(parents=True, exist_ok=True)
    # Of several processes that need a file, one copies it.
    with disk.locked(copy.with_suffix(".lock")):
        if not copy.exists():
            _copy(store, path, copy)
    return copy


def _last(address) -> pathlib.Path:
    """Returns the file that names the last copy of an address."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:32]
    return scan.default_cache() / "remote" / f"{digest}.last"


def _last_copy(address) -> str | None:
    """Returns the copy that was made, for as long as nobody can ask for it."""
    with contextlib.suppress(OSError):
        copy = _last(address).with_name(_last(address).read_text())
        if copy.is_file():
            return str(copy)
    return None


def _version(store, path) -> str:
    """Returns what changes with the contents of a file, and only with them.

    Not `store.ukey`, which hashes all facts of a file: a store has other
    facts after it lists a folder than after a request for the file.
    """
    info = store.info(path)
    for name in _VERSIONS:
        if info.get(name):
            return f"{name} {info[name]}"
    try:
        modified = store.modified(path)
    except NotImplementedError:
        return str(store.ukey(path))
    if modified.tzinfo is None:
        modified = modified.replace(tzinfo=datetime.UTC)
    modified = modified.astimezone(datetime.UTC)
    return f"{info['size']} {modified.isoformat()}"


def _may_pass(error) -> bool:
    """Whether the cause may be the network, so that a retry may succeed.

    Errors of libraries are not always OSErrors: those of connections in
    botocore, aiohttp and httpx are not.
    """
    error = _cause(error)
    if isinstance(error, _LASTING) or getattr(error, "errno", None) in _FULL:
        return False
    if "Credential" in type(error).__name__:  # of botocore and google-auth
        return False
    return isinstance(error, OSError) or type(error).__module__ != "builtins"


def _copy(store, path, copy):
    handle, draft = tempfile.mkstemp(dir=copy.parent, suffix=".draft")
    os.close(handle)
    try:
        store.get_file(path, draft)
        os.replace(draft, copy)
    except BaseException:
        os.unlink(draft)
        raise


def _store(address: str):
    """Returns the file system of an address, and the path in it."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            f"{address} is read with fsspec, which is not installed. {_INSTALL}"
        ) from error
    try:
        return fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise ImportError(
            f"{address} cannot be read: {_reason(error)}. {_INSTALL}"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{address} cannot be read: {_reason(error)}. Expected an address "
            "such as s3://bucket/folder, gs://bucket/folder or "
            "hf://datasets/owner/name."
        ) from error


def _reason(error) -> str:
    return streams.reason(_cause(error)).rstrip(".")


def _cause(error):
    """Returns what fsspec has made a missing file of, such as no connection."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None:
        return cause
    return error


def copies() -> dict:
    """Returns the local copies of addresses that this process knows."""
    return dict(_fetched)


def remember(known: dict):
    """Takes over the `copies` of another process."""
    _fetched.update(known)
