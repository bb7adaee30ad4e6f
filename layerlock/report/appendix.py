"""The end of the report: pictures, data files, commands, configuration."""

import dataclasses

from layerlock.data.names import readable
from layerlock.report import strips
from layerlock.report.cards import Section, Table
from layerlock.report.history import History
from layerlock.runs import configuration, pictures, wording


@dataclasses.dataclass(frozen=True)
class DataFiles:
    """The video files of a run.

    Attributes:
        counts: pairs of a description and a number.
        unreadable: path and reason of each unreadable file.
    """

    counts: list[tuple[str, str]]
    unreadable: Table


def picture_sections(run, history: History) -> list[Section]:
    """Reconstructions, and features as colours, where the run has them."""
    parts = (
        _readable("Reconstructions", lambda: _reconstruction(run, history)),
        _readable("Features", lambda: _features(run)),
    )
    return [section for section in parts if section is not None]


def _readable(title: str, section) -> Section | None:
    """A section, or the reason why its pictures cannot be read."""
    try:
        return section()
    except ValueError as error:
        return Section(title, f"These pictures cannot be shown: {error}")


def files(listing: dict | None) -> DataFiles | None:
    """Unreadable files, and clips that were short or replaced.

    Args:
        listing: the content of `files.json`, None without one.
    """
    if listing is None or "files" not in listing:
        return None
    unreadable = listing.get("unreadable", [])
    counts = {
        "files": len(listing["files"]) + len(unreadable),
        "unreadable files": len(unreadable),
        "clips replaced because their file is unreadable": listing.get(
            "replaced_clips"
        ),
        "short clips, which repeat frames": listing.get("short_clips"),
        "failed reads of files that passed the check": listing.get(
            "failed_reads"
        ),
    }
    return DataFiles(
        [
            (name, wording.count(count))
            for name, count in counts.items()
            if count is not None
        ]
        + [
            (f"clips of {_part(part)}", wording.count(part["clips"]))
            for part in listing.get("parts", [])
        ],
        Table(
            ["unreadable file", "reason"],
            [[readable(file["path"]), file["reason"]] for file in unreadable],
        ),
    )


def _part(part) -> str:
    return f"{readable(part['name'])}, read {part['share']:.1%} of the time"


def commands(path, config: dict) -> dict:
    """`command`, which started the run, and `resume_command`; None if unknown.

    Args:
        path: the run directory.
        config: of the run.
    """
    backend = config.get("backend")
    return {
        "command": config.get("command"),
        "resume_command": backend
        and configuration.resume_command(backend, path),
    }


def configuration_tables(config: dict) -> list[Table]:
    """All options, then the environment."""
    environment = {key: config[key] for key in config if key != "flags"}
    return [
        _values("option", config.get("flags", {})),
        _values("environment", environment),
    ]


def _values(name: str, values: dict) -> Table:
    rows = [[key, str(value)] for key, value in values.items()]
    return Table([name, "value"], rows)


def _reconstruction(run, history: History) -> Section | None:
    arrays = pictures.load(run, pictures.RECONSTRUCTION)
    if arrays is None:
        return None
    step = wording.count(int(arrays["step"]))
    text = f"Predicted pixels of the hidden patches at step {step}."
    if len(history) and history.targets[-1] != "pixels":
        text += " The run now predicts latent targets."
    clips = strips.reconstruction_strips(arrays)
    return Section("Reconstructions", text, clips=clips)


def _features(run) -> Section | None:
    arrays = pictures.load(run, pictures.FEATURES)
    if arrays is None:
        return None
    step = wording.count(int(arrays["step"]))
    return Section(
        "Features",
        f"Features of `{arrays['layer']}` at step {step}, minus the mean of "
        f"their clip. {strips.COLOURS}",
        clips=strips.feature_strips(arrays),
    )
