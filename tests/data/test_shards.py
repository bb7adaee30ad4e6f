import pickle

import pytest

from layerlock.data import shards
from layerlock.data.streams import DecodingError

HEADERS = [{"name": f"{letter}.mp4"} for letter in "abc"]


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "x.array_record"
    write(path, [*map(video, HEADERS), shards.pack({"videos": HEADERS})])
    return str(path)


def video(header):
    return shards.pack(header, header["name"].encode() * 3000)


def write(path, records):
    from array_record.python import array_record_module

    writer = array_record_module.ArrayRecordWriter(
        str(path), "group_size:1,uncompressed"
    )
    for record in records:
        writer.write(record)
    writer.close()


def damage(path, text: bytes):
    """Changes a byte behind the first place of a text."""
    with open(path, "r+b") as file:
        at = file.read().index(text) + len(text)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_a_record_keeps_its_header_and_its_bytes():
    header = {"name": "caf\udce9 \u20ac.mp4", "span": [0.1, 2], "label": None}

    assert shards.unpack(shards.pack(header, b"\0bytes")) == (
        header,
        b"\0bytes",
    )


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"something",
        shards.pack({"a": 1})[:18],
        shards.pack({"a": 1})[:-1],
        shards.pack({"a": 1}).replace(b"{", b"!"),
    ],
)
def test_a_foreign_record_is_refused(record):
    with pytest.raises(DecodingError, match="did not write"):
        shards.unpack(record)


def test_records_are_read_at_random_also_by_a_copy(shard):
    readers = shards.ShardReaders()

    for number in (2, 0, 1):
        header, content = readers.read(shard, number)
        assert header == HEADERS[number]
        assert content == header["name"].encode() * 3000
    copy = pickle.loads(pickle.dumps(readers))
    assert copy.read(shard, 1) == readers.read(shard, 1)


def test_more_shards_are_read_than_are_kept_open(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_MAX_OPEN", 2)
    paths = [str(tmp_path / f"{n}.array_record") for n in range(5)]
    for path in paths:
        write(path, [shards.pack({"name": path})])
    readers = shards.ShardReaders()

    found = [readers.read(path, 0)[0]["name"] for path in paths * 2]

    assert found == paths * 2


def test_a_damaged_record_has_a_reason_and_others_are_read(shard):
    damage(shard, b"b.mp4" * 1000)
    readers = shards.ShardReaders()

    with pytest.raises(DecodingError, match="hash mismatch"):
        readers.read(shard, 1)

    assert readers.read(shard, 2)[0] == HEADERS[2]


def test_a_damaged_index_is_read_from_the_records(shard):
    assert shards.read_index(shard) == {"videos": HEADERS}
    damage(shard, b'{"videos"')
    damage(shard, b"b.mp4" * 1000)

    first, second, third = shards.read_index(shard)["videos"]

    assert (first, third) == (HEADERS[0], HEADERS[2])
    assert "hash mismatch" in second


@pytest.mark.parametrize("size", [0, 10, 65_536])
def test_a_truncated_shard_has_a_reason(shard, size):
    with open(shard, "r+b") as file:
        file.truncate(size)

    with pytest.raises(DecodingError, match="empty file|damaged shard: "):
        shards.read_index(shard)


def test_a_shard_that_is_gone_has_a_reason(shard):
    with pytest.raises(DecodingError, match="No such file"):
        shards.read_index(shard + ".gone.array_record")


def test_folders_of_shards_alone_are_recognised(tmp_path, shard):
    assert shards.are_at(shard)
    assert shards.are_at(tmp_path)
    assert shards.are_at(f"{tmp_path}/*.array_record")
    assert not shards.are_at(tmp_path / "gone")
    (tmp_path / "labels.json").touch()
    assert shards.are_at(tmp_path)
    (tmp_path / "a.mp4").touch()
    assert not shards.are_at(tmp_path)
    (tmp_path / "a.mp4").unlink()
    (tmp_path / "more").mkdir()
    assert not shards.are_at(tmp_path)
    assert not shards.are_at(tmp_path / "more")


def test_missing_shards_of_a_set_are_named(tmp_path):
    names = shards.names(3)
    for name in (names[0], names[2], "other.array_record"):
        (tmp_path / name).touch()
    (tmp_path / f".writing_{names[1]}").touch()

    root, found, missing = shards.find(tmp_path)

    assert root == str(tmp_path)
    assert found == [
        str(tmp_path / name)
        for name in ("other.array_record", names[0], names[2])
    ]
    assert missing == [str(tmp_path / names[1])]


def test_a_glob_has_the_common_folder_as_root(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.array_record").touch()

    root, found, missing = shards.find(f"{tmp_path}/*/*.array_record")

    assert (root, len(found), missing) == (str(tmp_path), 2, [])
