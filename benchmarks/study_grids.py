"""The grids `main` and `gap` of `benchmarks/claims.py`."""

import dataclasses
import re
import sys

import study_gap
import study_settings
import study_tables
from study import Study
from study_methods import METHODS
from study_real_clips import RealClips
from study_scenes import Scenes

GRIDS = ("main", "gap")


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the encoder and its clips are.

    Args:
        preset: str, the encoder.
        frames: int, of a clip.
        size: int, height and width of a clip.
        batch_size: int, clips of a step.
        flags: str, further ones of `recipes/pretrain.py`. Defaults to none.
    """

    preset: str
    frames: int
    size: int
    batch_size: int
    flags: str = ""


SIZES = {
    "nano": Size("video_vit_nano", 8, 32, 16),
    "tiny": Size("video_vit_tiny", 16, 64, 16),
    "small": Size(
        "video_vit_small",
        16,
        112,
        32,
        "--mixed_precision=bfloat16 --workers=2",
    ),
}
LONGEST = 4000
LENGTHS = (1 / 8, 1 / 4, 1 / 2, 1)  # of the longest run


def run(flags, grids) -> str:
    """Trains and asks what is missing; returns the tables.

    Args:
        flags: those of `claims.py`, parsed.
        grids: list of names in `GRIDS`.
    """
    others = [name for name in flags.grids if name not in GRIDS]
    if others:
        sys.exit(
            f"claims: {','.join(GRIDS)} and numbered grids are runs apart. "
            f"Received: --grids={','.join(flags.grids)}."
        )
    if "gap" in grids and not flags.data:
        sys.exit("claims: the grid gap is about real clips. Pass --data.")
    try:
        study = build(flags)
    except ValueError as error:
        sys.exit(f"claims: {error}")
    undecided = [method.name for method in study_settings.undecided(study)]
    if flags.final and not flags.quick and undecided:
        sys.exit(
            "claims: --final reads the clips of test speakers, once settings "
            f"are chosen. {study.folder / study_settings.FILE} has none for "
            f"{', '.join(undecided)}. Run the same command without --final "
            "first."
        )
    try:
        study.prepare()
    except RuntimeError as error:  # of a recipe
        sys.exit(f"claims: {error}")
    texts = []
    if "main" in grids:
        study.work()
        texts.append(study_tables.write(study))
    if "gap" in grids:
        texts.append(study_gap.work(study))
    if study.failures:
        print("\n".join(texts))
        sys.exit("\n".join(["claims: some runs failed.", *study.failures]))
    return "\n".join(texts)


def build(flags) -> Study:
    """The study of some flags."""
    size = SIZES[flags.scale]
    kind = "real" if flags.data else "scenes"
    quick = "-quick" if flags.quick else ""
    folder = flags.run_dir or f"runs/study-{kind}-{flags.scale}{quick}"
    if flags.data:
        clips = RealClips(
            flags.data,
            folder,
            size.frames,
            size.size,
            flags.main_set,
            flags.quick,
        )
    else:
        clips = Scenes(size.frames, size.size, flags.quick)
    methods = METHODS
    if flags.methods:
        names = _names(flags.methods)
        methods = tuple(m for m in METHODS if m.name in names)
    if not flags.curves:
        methods = tuple(m.of_one_length() for m in methods)
    steps = flags.steps
    if not flags["steps"].present and not flags.quick:
        steps = LONGEST
    shares = LENGTHS[-2:] if flags.quick else LENGTHS
    return Study(
        folder,
        clips,
        size.preset,
        size.batch_size,
        size.flags,
        tuple(max(10, round(share * steps)) for share in shares),
        flags.seeds,
        "final" if flags.final else "selection",
        flags.jobs,
        flags.quick,
        methods,
        flags.known,
    )


def _names(text: str) -> list[str]:
    """The names of methods in a text with commas, which names may have, too."""
    found = []
    text = f",{re.sub(r' *, *', ',', text.strip())},"
    for name in sorted((m.name for m in METHODS), key=len, reverse=True):
        own = f",{name.replace(', ', ',')},"
        while own in text:  # once or more
            found.append(name)
            text = text.replace(own, ",", 1)
    if text.strip(",") or not found:
        raise ValueError(
            f"--methods takes names of rows: {[m.name for m in METHODS]}. "
            f"Received: {text.strip(',')}."
        )
    return found
