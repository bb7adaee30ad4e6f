"""Turns a run directory into one self-contained page."""

import json
from pathlib import Path

from layerlock.report import (
    appendix,
    canvas,
    health,
    layers,
    sections,
    summary,
    templates,
)
from layerlock.report.history import History
from layerlock.report.html import tag
from layerlock.runs import writing
from layerlock.runs.directory import RunDirectory

# The page loads nothing from anywhere; a browser holds it to that.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write(path) -> Path:
    """Writes `report.html` into a run directory.

    It reads what is there: `config.json`, `metrics.jsonl`, `failure.json`,
    `files.json` and `pictures/`. The run may still be going, and anything but
    the configuration may be missing.

    Args:
        path: the run directory, or a `RunDirectory`.

    Returns:
        The path of the report.
    """
    canvas.require_matplotlib()
    templates.require_jinja2()
    run = path if isinstance(path, RunDirectory) else RunDirectory.open(path)
    writing.replace_file(run.report_path, page(run).encode())
    return run.report_path


def page(run: RunDirectory) -> str:
    """The report of `run` as HTML."""
    history = History(run.read_metrics())
    config = run.config
    body = [summary.header(run.path, config, history, _failure(run))]
    if len(history):
        body += [
            sections.learning(history, config),
            sections.cost(history),
            health.health(history),
            layers.layers(history),
        ]
    else:
        body.append(tag("p", "Nothing has been logged yet."))
    body += [
        appendix.images(run, history),
        appendix.files(run.read_files()),
        appendix.reproduction(run.path, config),
    ]
    return document(
        run.path.resolve().name,
        body,
        "Written by LayerLock from the run directory alone.",
    )


def document(name: str, body: list, footer: str) -> str:
    """A whole page, in the style of all reports.

    Args:
        name: of what it is about, for the title of the window.
        body: pieces of HTML.
        footer: the last line.
    """
    return templates.render(
        "document.html.j2", name=name, body=body, footer=footer, policy=POLICY
    )


def _failure(run: RunDirectory) -> dict | None:
    if not run.failure_path.exists():
        return None
    return json.loads(run.failure_path.read_bytes())
