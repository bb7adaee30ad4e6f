"""The base class of experiment trackers."""

import abc
import importlib.util
from pathlib import Path
from typing import ClassVar


class Tracker(abc.ABC):
    """Sends the metrics of a run to an experiment tracker.

    The constructor has no arguments; `start` opens the record. Import the
    library inside functions only, so that `check` works without it.

    Attributes:
        library: str, name of the required module.
        extra: str, the extra of layerlock that installs it.

    Example:

    ```python
    tracker = TensorBoard()
    record = tracker.start("runs/scenes", {"flags": {"steps": 1000}})
    tracker.log_scalars({"learning/loss": 0.5}, step=10)
    tracker.log_event("freeze", "1 layer is frozen.", step=600)
    tracker.attach_report("runs/scenes/report.html")
    tracker.close()

    tracker = TensorBoard()  # after a kill, from the checkpoint of step 800
    tracker.start("runs/scenes", config, record, first_step=801)
    ```
    """

    library: ClassVar[str]
    extra: ClassVar[str]

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the library can be imported."""
        spec = importlib.util.find_spec(cls.library)
        # A plain folder with this name has no origin.
        return spec is not None and spec.origin is not None

    @abc.abstractmethod
    def start(
        self,
        folder: Path | str,
        configuration: dict,
        record: str | None = None,
        first_step: int | None = None,
    ) -> str:
        """Opens or resumes a record, and attaches the configuration.

        Args:
            folder: the run directory; its name is the name of the record.
            configuration: content of config.json of the run.
            record: the identifier that the first `start` returned; `None`
                opens a new record.
            first_step: the first step of a resumed run. Logs from this step
                on are removed, if the library supports it.

        Returns:
            The identifier of the record.

        Raises:
            ValueError: if the record cannot be opened.
        """

    @abc.abstractmethod
    def log_scalars(self, scalars: dict[str, float], step: int):
        """Logs finite numbers under their tags."""

    @abc.abstractmethod
    def log_event(self, kind: str, text: str, step: int):
        """Logs an event, such as a freeze, at a step."""

    @abc.abstractmethod
    def attach_report(self, path: Path | str):
        """Attaches the report of the run, an HTML file."""

    @abc.abstractmethod
    def close(self, status: int = 0):
        """Sends buffered data; the record can be resumed.

        Args:
            status: the exit status of the run, as shells count: 128 and a
                signal's number if the signal ended it. Defaults to `0`: the
                run is complete.
        """
