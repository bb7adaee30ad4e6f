"""A file that is as long as its header states is told from one that is cut."""

import io

import pytest

from layerlock.data import extent, packets, streams
from tests.data import synthesise

pytest.importorskip("av")

CODECS = {
    **{"mkv": "libx264", "avi": "mpeg4", "wmv": "wmv2", "flv": "libx264"},
    **{"mp4": "libx264", "mov": "libx264"},
}


def is_whole(content) -> bool:
    with streams.opened(content) as video:
        return extent.is_whole(video, packets.last_byte(video))


@pytest.mark.parametrize("ending", CODECS)
def test_a_file_that_is_cut_is_not_whole(tmp_path, ending):
    path = synthesise.write(
        tmp_path / f"clip.{ending}",
        codec=CODECS[ending],
        count=60,
        index_first=ending in ("mp4", "mov"),
    )
    content = path.read_bytes()

    assert is_whole(path)
    assert is_whole(content)
    assert not is_whole(content[: len(content) * 3 // 4])


def test_an_end_without_packets_is_missing(tmp_path):
    path = synthesise.write(tmp_path / "clip.mkv", count=40)
    content = bytearray(path.read_bytes())
    # A download that was given up: the rest of the segment is zeros.
    at = content.index(b"\x18\x53\x80\x67") + 4
    size = int.from_bytes(content[at + 1 : at + 8], "big") + 10**6
    content[at + 1 : at + 8] = size.to_bytes(7, "big")

    assert not is_whole(bytes(content + bytes(10**6)))


def test_a_container_that_states_no_size_is_not_known_to_be_whole(tmp_path):
    assert not is_whole(synthesise.write(tmp_path / "clip.ts"))


def test_parts_of_an_avi_are_added():
    parts = b"RIFF\x04\0\0\0AVI " + b"RIFF\x06\0\0\0AVIX\0\0"

    assert extent._avi(io.BytesIO(parts)) == len(parts)


@pytest.mark.parametrize("read", extent._STATED.values())
@pytest.mark.parametrize("content", [b"", b"RIFF\0", b"\0" * 99, b"\xff" * 99])
def test_no_header_is_no_error(read, content):
    assert (read(io.BytesIO(content)) or 0) >= 0
