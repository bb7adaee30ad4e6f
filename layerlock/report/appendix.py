"""The end of the report: pictures, data files, how to repeat the run."""

from layerlock.report import strips
from layerlock.report.history import History
from layerlock.report.html import Html, inline, join, table, tag
from layerlock.runs import configuration, pictures, wording


def images(run, history: History) -> Html | None:
    """Reconstructions, and features as colours."""
    return join(_reconstruction(run, history), _features(run))


def files(listing: dict | None) -> Html | None:
    """Files that could not be read, clips that were short or replaced."""
    if listing is None or "files" not in listing:
        return None
    unreadable = listing.get("unreadable", [])
    counts = (
        ("files", len(listing["files"]) + len(unreadable)),
        ("files that could not be read", len(unreadable)),
        ("clips replaced, their file being unreadable", "replaced_clips"),
        ("clips too short, holding their last frame", "short_clips"),
        ("reads that failed although the file had seemed fine", "failed_reads"),
    )
    rows = []
    for name, key in counts:
        value = listing.get(key) if isinstance(key, str) else key
        if value is not None:
            rows.append(tag("li", f"{name}: {wording.count(value)}"))
    problems = [[file["path"], file["reason"]] for file in unreadable]
    return join(
        tag("h2", "Data files"),
        tag(
            "div",
            tag("ul", rows, class_="plain"),
            table(["unreadable file", "reason"], problems)
            if problems
            else None,
            class_="card",
        ),
    )


def reproduction(path, config: dict) -> Html:
    """The commands, the versions and every flag."""
    command = config.get("command")
    flags = config.get("flags", {})
    rest = {key: config[key] for key in config if key != "flags"}
    return join(
        tag("h2", "How to repeat it"),
        tag(
            "div",
            _command("The command that made this run", command),
            _command(
                "To resume it",
                command and configuration.resume_command(command, path),
            ),
            tag(
                "details",
                tag("summary", "Full configuration"),
                _key_values("flag", flags),
                _key_values("environment", rest),
            ),
            class_="card",
        ),
    )


def _reconstruction(run, history: History) -> Html | None:
    arrays = pictures.load(run, pictures.RECONSTRUCTION)
    if arrays is None:
        return None
    step = int(arrays["step"])
    text = f"Predicted pixels in the hidden patches, at step {step:,}."
    if len(history) and history.targets[-1] != "pixels":
        text += " The run has since moved on to latent targets."
    return _pictures(
        "Reconstructions", text, strips.reconstruction_strips(arrays)
    )


def _features(run) -> Html | None:
    arrays = pictures.load(run, pictures.FEATURES)
    if arrays is None:
        return None
    text = (
        f"The features of `{arrays['layer']}` at step "
        f"{int(arrays['step']):,}, less the mean of their clip: the three "
        "directions in which they vary most, as red, green and blue. Things "
        "that look alike to the encoder have the same colour, in all frames."
    )
    return _pictures("Features", text, strips.feature_strips(arrays))


def _pictures(title: str, text: str, clips: list) -> Html:
    return join(
        tag("h2", title),
        tag("p", inline(text), class_="muted"),
        tag("div", [strips.clip_rows(rows) for rows in clips], class_="card"),
    )


def _command(title: str, command: str | None) -> Html | None:
    if not command:
        return None
    return join(tag("h3", title), tag("pre", command))


def _key_values(title: str, values: dict) -> Html:
    rows = [[tag("code", key), str(value)] for key, value in values.items()]
    return table([title, "value"], rows)
