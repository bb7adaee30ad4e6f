"""Shards at addresses, with a local cache."""

import datetime
import errno
import os
import pathlib
import pickle
import sys
import threading
import types

import numpy as np
import pytest

from layerlock import data, disk
from layerlock.data import packing, remote, shards
from layerlock.data.streams import DecodingError
from tests.data import synthesise

pytest.importorskip("av")
fsspec = pytest.importorskip("fsspec")
CLIPS = {"frames": 4, "size": 16, "seed": 5}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "_PAUSES", (0, 0))
    monkeypatch.setattr(remote, "_fetched", {})
    return tmp_path / "cache" / "layerlock" / "remote"


@pytest.fixture
def packed(tmp_path):
    for mark, name in enumerate(("cats/1.mp4", "dogs/2.mp4", "dogs/3.mp4")):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        synthesise.write(path, mark=mark)
    packing.pack(tmp_path / "videos", tmp_path / "packed", 2)
    return tmp_path / "packed"


@pytest.fixture
def address(packed):
    """The same shards in the memory of this process."""
    store = fsspec.filesystem("memory")
    store.put(str(packed), "/bucket/packed", recursive=True)
    yield "memory://bucket/packed"
    store.rm("/bucket", recursive=True)


def assert_same_clips(one, other):
    assert len(one) == len(other) == 3
    for index in range(6):
        np.testing.assert_array_equal(one.clip(index), other.clip(index))
        assert one[index][1] == other[index][1]
        assert one.name(index) == other.name(index)


@pytest.mark.parametrize("ending", ["", "/", "/*.array_record"])
def test_clips_of_an_address_are_those_of_its_files(packed, address, ending):
    source = data.get(address + ending, **CLIPS)

    assert_same_clips(source, data.get(packed, **CLIPS))
    assert source.name(0) == "cats/1.mp4"
    assert source.files.paths[0].startswith("memory://")


def test_one_shard_has_an_address(address):
    source = data.get(f"{address}/{shards.names(2)[1]}", **CLIPS)

    assert [source.name(n) for n in range(len(source))] == ["dogs/2.mp4"]


def test_a_shard_is_copied_once(address, cache, monkeypatch):
    data.get(address, **CLIPS)
    copies = sorted(cache.glob("*.array_record"))
    monkeypatch.delattr(remote, "_copy")

    again = data.get(address, **CLIPS)

    assert again.clip(0).shape == (4, 16, 16, 3)
    assert len(copies) == 2
    assert not list(cache.glob("*.draft"))


def test_a_shard_that_changes_at_its_address_is_copied_again(tmp_path):
    place = tmp_path / "x.array_record"
    place.write_bytes(b"one")
    first = remote.fetch(f"file://{place}")

    place.write_bytes(b"other")
    assert remote.fetch(f"file://{place}") == first  # the same clips all along
    _, [address] = remote.find(f"file://{tmp_path}", ".array_record")
    second = remote.fetch(address)

    assert pathlib.Path(first).read_bytes() == b"one"
    assert pathlib.Path(second).read_bytes() == b"other"


def test_an_interrupted_copy_leaves_nothing(address, cache, monkeypatch):
    store, path = fsspec.core.url_to_fs(f"{address}/{shards.names(2)[0]}")

    def breaks(path, draft):
        with open(draft, "wb") as file:
            file.write(b"half")
        raise ConnectionError("the line is broken")

    monkeypatch.setattr(type(store), "get_file", staticmethod(breaks))

    with pytest.raises(DecodingError, match="copied.*the line is broken"):
        remote.fetch(store.unstrip_protocol(path))

    assert not list(cache.glob("*.array_record"))
    assert not list(cache.glob("*.draft"))


class LibraryError(Exception):
    """As the errors of connections in botocore, aiohttp and httpx."""


@pytest.fixture
def failing(address, monkeypatch):
    """A function that makes a store raise errors, one for each copy.

    It returns an address, and the pauses before further attempts.
    """
    store, path = fsspec.core.url_to_fs(f"{address}/{shards.names(2)[0]}")
    get, pauses = store.get_file, []

    def prepare(*errors):
        left = list(errors)

        def get_file(*arguments):
            if left:
                raise left.pop(0)
            return get(*arguments)

        monkeypatch.setattr(type(store), "get_file", staticmethod(get_file))
        monkeypatch.setattr(
            remote, "time", types.SimpleNamespace(sleep=pauses.append)
        )
        monkeypatch.setattr(remote, "_PAUSES", (1, 2, 4))
        return store.unstrip_protocol(path), pauses

    return prepare


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("the line is broken"),
        TimeoutError(),
        OSError(errno.EIO, "SlowDown"),
        LibraryError("the server has disconnected"),
    ],
)
def test_a_copy_is_tried_again_after_errors_that_may_pass(
    failing, packed, cache, error
):
    address, pauses = failing(error, error)

    copy = remote.fetch(address)

    original = packed / shards.names(2)[0]
    assert pathlib.Path(copy).read_bytes() == original.read_bytes()
    assert pauses == [1, 2]
    assert not list(cache.glob("*.draft"))


def test_a_clip_is_not_replaced_after_an_error_that_passes(failing, packed):
    address, _ = failing(ConnectionError(), ConnectionError())
    whole = data.get(address.rpartition("/")[0], **CLIPS)

    assert_same_clips(whole, data.get(packed, **CLIPS))
    assert whole.describe_files()["unreadable"] == []


def test_a_copy_is_given_up_after_the_last_attempt(failing):
    address, pauses = failing(*[ConnectionError("broken")] * 4)

    with pytest.raises(DecodingError, match="copied.*broken"):
        remote.fetch(address)

    assert pauses == [1, 2, 4]


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("gone"),
        PermissionError("no access"),
        IsADirectoryError("a folder"),
        ValueError("a fault of the program"),
        type("NoCredentialsError", (LibraryError,), {})("no key"),
    ],
)
def test_an_error_that_stays_ends_the_copy_at_once(failing, error):
    address, pauses = failing(error)

    with pytest.raises(DecodingError, match="copied"):
        remote.fetch(address)

    assert pauses == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_cache_is_no_fault_of_a_shard(failing, number):
    address, pauses = failing(OSError(number, "No space left on device"))

    with pytest.raises(disk.DiskError, match="No space left.*XDG_CACHE_HOME"):
        data.get(address, **CLIPS)

    assert pauses == []


def test_a_missing_file_may_be_a_lost_connection(failing, packed):
    # fsspec says so of both at http addresses.
    lost, gone = FileNotFoundError("http://x"), FileNotFoundError("http://x")
    lost.__cause__, gone.__cause__ = ConnectionError("refused"), gone
    address, pauses = failing(lost, gone)

    with pytest.raises(DecodingError, match="http://x"):
        remote.fetch(address)

    assert pauses == [1]


def test_a_copy_serves_a_later_process_without_a_network(
    failing, packed, monkeypatch
):
    address, _ = failing()
    copy = remote.fetch(address)

    def no_network(*arguments):
        raise ConnectionError("unreachable")

    monkeypatch.setattr(remote, "_version", no_network)
    remote._fetched.clear()
    assert remote.fetch(address) == copy

    os.unlink(copy)
    remote._fetched.clear()
    with pytest.raises(DecodingError, match="unreachable"):
        remote.fetch(address)


def test_a_worker_knows_the_copies_of_its_parent(failing, monkeypatch):
    address, _ = failing()
    readers = shards.ShardReaders()
    count = readers.count(address)
    sent = pickle.dumps(readers)
    monkeypatch.setattr(remote, "_fetched", {})
    monkeypatch.delattr(remote, "_store")

    assert pickle.loads(sent).count(address) == count


@pytest.mark.parametrize(("name", "method"), [("", "ls"), ("/*", "glob")])
def test_a_listing_is_tried_again(failing, monkeypatch, name, method):
    address, pauses = failing()
    folder = address.rpartition("/")[0]
    store = fsspec.filesystem("memory")
    found, left = getattr(store, method), [LibraryError("slow down")]

    def listed(*arguments, **keywords):
        if left:
            raise left.pop()
        return found(*arguments, **keywords)

    monkeypatch.setattr(store, method, listed)

    _, files = remote.find(folder + name, ".array_record")

    assert pauses == [1] and address in files


class Store:
    """A store that knows some facts of one file.

    Args:
        modified: when it was changed. Defaults to `None`: not known.
        facts: more facts.
    """

    def __init__(self, modified=None, **facts):
        self.time, self.facts = modified, facts

    def info(self, path):
        return {"name": path, "size": 3, "type": "file", **self.facts}

    def modified(self, path):
        if self.time is None:
            raise NotImplementedError
        return self.time

    def ukey(self, path):
        return "always the same"


UTC = datetime.datetime(2026, 5, 1, 10, tzinfo=datetime.UTC)
EAST = UTC.astimezone(datetime.timezone(datetime.timedelta(hours=5)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Store(ETag="a", VersionId=None), Store(ETag="a", StorageClass="X")),
        (Store(generation=1, etag="a"), Store(generation=1, etag="b")),
        (Store(etag="a", last_modified=UTC), Store(etag="a")),
        (Store(blob_id="a", last_commit=None), Store(blob_id="a")),
        (Store(xet_hash="a", mtime=UTC), Store(xet_hash="a")),
        (Store(UTC, islink=False), Store(EAST)),
        (Store(UTC), Store(UTC.replace(tzinfo=None))),
        (Store(), Store(url="a")),
    ],
)
def test_a_version_is_that_of_the_contents(one, other):
    assert remote._version(one, "x") == remote._version(other, "x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(
            (Store(**{name: "a"}), Store(**{name: "b"}))
            for name in remote._VERSIONS
        ),
        (Store(UTC), Store(UTC + datetime.timedelta(milliseconds=1))),
        (Store(UTC), Store(UTC, size=4)),
    ],
)
def test_other_contents_have_another_version(one, other):
    assert remote._version(one, "x") != remote._version(other, "x")


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_contents_of_the_same_size_have_another_version(tmp_path, protocol):
    store = fsspec.filesystem(protocol)
    path = str(tmp_path / "x")
    store.pipe_file(path, b"one")
    versions = [remote._version(store, path) for _ in range(2)]

    store.pipe_file(path, b"two")
    if protocol == "file":
        os.utime(path, (0, 0))  # clocks of disks tick every few milliseconds
    versions.append(remote._version(store, path))

    assert versions[0] == versions[1] != versions[2]


def test_a_missing_shard_at_an_address_is_listed(address):
    fsspec.filesystem("memory").rm(f"/bucket/packed/{shards.names(2)[1]}")

    source = data.get(address, **CLIPS)

    (listed,) = source.describe_files()["unreadable"]
    # fsspec writes addresses of its memory with three slashes.
    root = address.replace("//", "///")
    assert listed["path"] == f"{root}/{shards.names(2)[1]}"
    assert listed["reason"] == "a missing shard"


@pytest.mark.parametrize(
    "place, reason",
    [
        ("nostore://a/b", "nostore://a/b cannot be read: Protocol not known"),
        ("memory://gone", "no readable video in the shards of 'memory://gone"),
    ],
)
def test_an_address_without_shards_is_refused(place, reason):
    with pytest.raises(ValueError, match=reason):
        data.get(place, **CLIPS)


def test_a_missing_library_is_named_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)

    with pytest.raises(
        ImportError, match=r"s3.*pip install .layerlock\[remote"
    ):
        data.get("s3://bucket/shards", **CLIPS)


@pytest.fixture
def s3(packed, monkeypatch):
    """The same shards on a real S3 server in this process."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    from werkzeug.serving import make_server

    web = make_server(
        "127.0.0.1",
        0,
        server.DomainDispatcherApplication(server.create_backend_app),
        threaded=True,
    )
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(
        "AWS_ENDPOINT_URL", f"http://127.0.0.1:{web.server_port}"
    )
    import s3fs

    store = s3fs.S3FileSystem(skip_instance_cache=True)
    store.mkdir("bucket")
    store.put(str(packed), "bucket/packed", recursive=True)
    yield "s3://bucket/packed"
    store.invalidate_cache()
    store.rm("bucket", recursive=True)  # the next server has the same buckets
    s3fs.S3FileSystem.clear_instance_cache()  # it has the address of this one
    web.shutdown()
    thread.join()


def test_clips_are_read_from_an_s3_server(packed, s3):
    assert_same_clips(data.get(s3, **CLIPS), data.get(packed, **CLIPS))
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1")


def test_a_shard_on_an_s3_server_is_copied_once(s3, cache):
    import s3fs

    address = f"{s3}/{shards.names(2)[0]}"
    store, path = fsspec.core.url_to_fs(address)
    store.ls(s3, detail=True)
    listed = remote.fetch(address)
    known = store.info(path)

    store.invalidate_cache()
    remote._fetched.clear()
    asked = remote.fetch(address)

    assert known != store.info(path)
    assert listed == asked
    assert len(list(cache.glob("*.array_record"))) == 1

    other = s3fs.S3FileSystem(skip_instance_cache=True)
    other.pipe_file(path, b"other")
    store.invalidate_cache()
    remote._fetched.clear()
    assert pathlib.Path(remote.fetch(address)).read_bytes() == b"other"


def test_a_copy_that_is_there_needs_no_network(failing):
    address, pauses = failing()
    first = remote.fetch(address)

    failing(*[PermissionError("the token has expired")] * 9)

    assert remote.fetch(address) == first
    assert pauses == []

    os.unlink(first)  # the user has emptied the cache
    with pytest.raises(DecodingError, match="the token has expired"):
        remote.fetch(address)
