"""Videos: damaged containers of several formats."""

from layerlock.data import decoding, streams
from tests.data import synthesise
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target

FORMATS = {
    "a.mp4": "libx264",
    "b.mkv": "libx264",
    "c.webm": "libvpx",
    "d.avi": "mpeg4",
    "e.ts": "libx264",
    "f.mov": "mpeg4",
    "g.flv": "flv",
    "h.wmv": "wmv2",
}
MAX_FRAMES = 200


class Container(Target):
    """Videos in several containers: probed, read by time, read whole."""

    name = "containers"
    share = 2.0
    refusals = (streams.DecodingError,)

    def __init__(self, folder):
        super().__init__(folder)
        self.videos = {}
        for name, codec in FORMATS.items():
            path = folder / f"valid-{name}"
            synthesise.write(path, count=12, codec=codec)
            self.videos[name] = path.read_bytes()
            path.unlink()

    def draw(self, random):
        name = random.choice(list(self.videos))
        content = self.videos[name]
        path = self.folder / f"video.{name.rpartition('.')[2]}"
        if random.random() < 0.4:  # the header
            cut = random.choice((64, 512, 2048))
            content = hostile.damaged(content[:cut], random) + content[cut:]
        elif random.random() < 0.3:
            content = claims(content, random)
        else:
            content = hostile.damaged(content, random)
        if random.random() < 0.1:
            path = path.with_suffix(random.choice((".mp4", ".mkv", ".ts")))
        path.write_bytes(content)

        def attack():
            decoding.probe(path)
            decoding.read_frames(path, [0.0, 0.5, 1.0], size=(16, 16))
            for index, _ in enumerate(decoding.all_frames(path, 32)):
                if index > MAX_FRAMES:
                    raise AssertionError("more frames than were written")

        return attack


def claims(content: bytes, random) -> bytes:
    """A video whose header claims sizes, times or counts that are absurd."""
    content = bytearray(content)
    atoms = (b"tkhd", b"stts", b"stsz", b"mvhd", b"mdhd", b"avc1", b"stsc")
    atoms += (b"stco", b"elst", b"strf", b"strh", b"avih", b"\xb0", b"\xba")
    atoms += (b"\x44\x89", b"\x2a\xd7\xb1", b"\x00\x00\x01\xb3")
    for _ in range(random.randint(1, 3)):
        found = [atom for atom in atoms if atom in content]
        if not found:
            break
        at = content.index(random.choice(found)) + random.randrange(4, 90)
        number = random.choice((100_000, 65_535, 2**31 - 1, 2**32 - 1, 0))
        if random.random() < 0.5:
            content[at : at + 4] = number.to_bytes(4, "big")
        else:
            content[at : at + 2] = (number & 0xFFFF).to_bytes(2, "big")
    return bytes(content)
