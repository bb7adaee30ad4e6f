"""What every experiment tracker does."""

import abc
import importlib.util
from pathlib import Path
from typing import ClassVar


class Tracker(abc.ABC):
    """Sends the numbers of a run to an experiment tracker.

    Built without arguments, then `start`. Its library is imported inside
    functions only, so that `names` and `check` work without it.

    Attributes:
        library: str, the module that must be importable.
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
        # A folder of that name, such as what a library wrote, has no origin.
        return spec is not None and spec.origin is not None

    @abc.abstractmethod
    def start(
        self,
        folder: Path | str,
        configuration: dict,
        record: str | None = None,
        first_step: int | None = None,
    ) -> str:
        """Opens a record, or goes on in one, and attaches the configuration.

        Args:
            folder: the run directory, whose name is that of the record.
            configuration: what config.json of the run holds.
            record: what `start` returned when the run began; `None` opens a
                new record.
            first_step: the first step of a resumed run. Where the library
                can, what was logged of it and of later steps is removed.

        Returns:
            The identifier of the record.

        Raises:
            ValueError: if the record cannot be opened.
        """

    @abc.abstractmethod
    def log_scalars(self, scalars: dict[str, float], step: int):
        """Logs finite numbers by their tag."""

    @abc.abstractmethod
    def log_event(self, kind: str, text: str, step: int):
        """Logs that something happened, such as a freeze, at a step."""

    @abc.abstractmethod
    def attach_report(self, path: Path | str):
        """Attaches the report of the run, an HTML file."""

    @abc.abstractmethod
    def close(self):
        """Sends what is still waiting; the record can be opened again."""
