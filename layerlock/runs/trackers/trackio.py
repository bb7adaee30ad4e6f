"""Logs to Trackio."""

import uuid
from pathlib import Path

from layerlock.data.names import readable
from layerlock.runs.trackers.base import Tracker


class Trackio(Tracker):
    """Logs to the project `layerlock`, in the folder `TRACKIO_DIR`.

    With `TRACKIO_SPACE_ID` it logs to a Space of Hugging Face. Trackio cannot
    remove logs: repeated steps of a resumed run appear twice. It sends a few
    times per second; a kill loses unsent logs.
    """

    library = "trackio"
    extra = "trackio"

    def start(self, folder, configuration, record=None, first_step=None):
        import trackio

        # Trackio finds a record by its name, so the name must be unique.
        record = (
            record or f"{readable(Path(folder).name)}-{uuid.uuid4().hex[:6]}"
        )
        self._step = first_step or 0
        self._run = trackio.init(
            project="layerlock",
            name=record,
            resume="allow",
            config=configuration,
            embed=False,
        )
        return record

    def log_scalars(self, scalars, step):
        self._step = step
        self._run.log(dict(scalars), step=step)

    def log_event(self, kind, text, step):
        self._run.log({f"events/{kind}": text}, step=step)

    def attach_report(self, path):
        import trackio

        html = trackio.Html(str(path))
        self._run.log({"report": html}, step=self._step)

    def close(self, status=0):
        self._run.finish()
