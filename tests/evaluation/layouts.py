"""Tiny data sets in the layouts in which the real ones are published."""

import csv
import itertools
import json

import numpy as np

from tests.data import synthesise

_MARKS = itertools.count(1)
ACTIONS = ("Holding something", "Pushing something so that it falls")


def folder(path, classes=("jump", "run", "sit"), count=6):
    """`DATA/CLASS/*.mp4`."""
    for kind in classes:
        (path / kind).mkdir(parents=True)
        for number in range(count):
            write(path / kind / f"{kind}_{number}.mp4", count=8)
    return path


def write(path, **arguments):
    """Writes a video that differs from others, as real ones do."""
    return synthesise.write(path, mark=next(_MARKS) % 4096, **arguments)


def ssv2(path, prefix="", train=8, validation=4):
    """json labels, and webm and mp4 files named by their number."""
    (path / "videos").mkdir(parents=True)
    templates = {name: str(i) for i, name in enumerate(ACTIONS)}
    (path / f"{prefix}labels.json").write_text(json.dumps(templates))
    number = 100
    for split, count in (("train", train), ("validation", validation)):
        entries = []
        for place in range(count):
            name = ACTIONS[place % 2]
            extension, codec = (
                (".webm", "libvpx-vp9") if place < 2 else (".mp4", "libx264")
            )
            write(
                path / "videos" / f"{number}{extension}", count=8, codec=codec
            )
            entries.append(
                {
                    "id": str(number),
                    "label": name.replace("something", "a cup", 1).lower(),
                    "template": name.replace("something", "[something]"),
                    "placeholders": ["a cup"],
                }
            )
            number += 1
        (path / f"{prefix}{split}.json").write_text(json.dumps(entries))
    return path


def kinetics(path, train=6, validation=4):
    """csv lists; files of the span, and one of the whole video."""
    rows = {"train": [], "validate": []}
    for split, count in (("train", train), ("validate", validation)):
        for place in range(count):
            label = ("archery", "baking cookies")[place % 2]
            name = f"{split[:2]}-_{place:08d}"
            rows[split].append(
                {
                    "label": label,
                    "youtube_id": name,
                    "time_start": 1,
                    "time_end": 3,
                    "split": split,
                }
            )
            home = path / split / label
            home.mkdir(parents=True, exist_ok=True)
            whole = place == 0
            stem = name if whole else f"{name}_000001_000003"
            write(home / f"{stem}.mp4", count=40 if whole else 20)
    for split, found in rows.items():
        write_csv(path / f"{split}.csv", found)
    return path


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


SCANS = ("scene0000_00", "scene0000_01", "scene0001_00", "scene0002_00")


def scannet(path, scans=SCANS, n=12):
    """Colour JPEGs, 16-bit depth PNGs in millimetres, poses."""
    for name in scans:
        for kind in ("color", "depth", "pose"):
            (path / "scans" / name / kind).mkdir(parents=True)
        for number in range(n):
            write_frame(path / "scans" / name, number)
    return path


def write_frame(scan, number, depth=None):
    colour = np.full((48, 64, 3), 40 + 10 * number, "uint8")
    _write(scan / "color" / f"{number}.jpg", colour, "mjpeg", "yuvj420p")
    if depth is None:
        depth = np.full((24, 32), 1500 + 100 * number, "uint16")
        depth[:, :16] = 3000
        depth[:4] = 0
    _write(scan / "depth" / f"{number}.png", depth, "png", "gray16be")
    pose = np.eye(4) if number != 5 else np.full((4, 4), -np.inf)
    np.savetxt(scan / "pose" / f"{number}.txt", pose)


def _write(path, image, codec, pixels):
    import av

    encoder = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width = image.shape[:2]
    encoder.pix_fmt = pixels
    encoder.time_base = synthesise.MILLISECOND
    kind = "rgb24" if image.ndim == 3 else "gray16le"
    frame = av.VideoFrame.from_ndarray(image, format=kind)
    packets = [
        *encoder.encode(frame.reformat(format=pixels)),
        *encoder.encode(),
    ]
    path.write_bytes(b"".join(map(bytes, packets)))
