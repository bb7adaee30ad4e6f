"""Experiment trackers, one file each."""

from layerlock import json_files, plugins
from layerlock.data.names import encodable, encodable_values
from layerlock.runs import scalars, writing
from layerlock.runs.trackers.base import Tracker

DEFAULT = "tensorboard"


def find(name: str) -> type[Tracker]:
    """Returns the class of a tracker by its name."""
    return plugins.find(__name__, name, Tracker)


def default_names() -> list[str]:
    """Returns the default trackers: TensorBoard, if it is installed."""
    return [DEFAULT] if find(DEFAULT).is_installed() else []


def check(names: list[str]):
    """Raises if a tracker does not exist or is not installed.

    Args:
        names: names of trackers.

    Raises:
        ValueError: if a name is unknown, or listed twice.
        ImportError: with the command that installs the library.
    """
    for name in names:
        tracker = find(name)
        if names.count(name) > 1:
            raise ValueError(
                f"List each tracker once. Received: {','.join(names)}. "
                f"Leave out one {name}."
            )
        if not tracker.is_installed():
            raise ImportError(
                f"The tracker {name} needs {tracker.library}, which is not "
                "installed. To install it: "
                f'pip install "layerlock[{tracker.extra}]". Or leave it out '
                "of `track`."
            )


def start(names: list[str], run, first_step: int | None = None, print_fn=print):
    """Starts trackers for a run, or resumes their records.

    Args:
        names: names of trackers, as in `check`.
        run: a `RunDirectory`, which stores the identifiers of the records.
        first_step: the first step of a resumed run.
        print_fn: function that prints a message. Defaults to `print`.

    Returns:
        `Trackers`.

    Raises:
        ValueError: if a record cannot be opened.
    """
    configuration = encodable_values(run.config)
    records = {}
    if run.trackers_path.exists():
        records = json_files.read(run.trackers_path)
        known = dict.fromkeys(names, json_files.optional(json_files.TEXT))
        json_files.check(records, known, run.trackers_path)
    started = Trackers(print_fn=print_fn)
    try:
        for name in names:
            tracker = find(name)()
            records[name] = tracker.start(
                run.path, configuration, records.get(name), first_step
            )
            started.trackers[name] = tracker
            # At once, so that a resume after a kill finds the record.
            writing.write_json(run.trackers_path, records)
    except BaseException:
        started.close(status=1)
        raise
    return started


class Trackers:
    """All trackers of a run. It drops a tracker that fails.

    As a context it closes them, with status 1 after an error.

    Args:
        trackers: dict from name to a started `Tracker`. Defaults to none.
        print_fn: function that prints a message. Defaults to `print`.

    Example:

    >>> trackers = Trackers()
    >>> trackers.log({"step": 10, "loss": 0.5})
    >>> trackers.close()
    """

    def __init__(
        self, trackers: dict[str, Tracker] | None = None, print_fn=print
    ):
        self.trackers = dict(trackers or {})
        self.print_fn = print_fn

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(status=0 if kind is None else 1)

    def log(self, metrics: dict):
        """Logs the numbers of one line of metrics.jsonl."""
        numbers = scalars.of_line(metrics)
        self._each(
            lambda tracker: tracker.log_scalars(numbers, metrics["step"])
        )

    def log_event(self, kind: str, text: str, step: int):
        """Logs an event at a step."""
        text = encodable(text)
        self._each(lambda tracker: tracker.log_event(kind, text, step))

    def attach_report(self, path):
        """Attaches the report, if there is one."""
        if path.exists():
            self._each(lambda tracker: tracker.attach_report(path))

    def close(self, status: int = 0):
        """Sends buffered data and closes all trackers.

        Args:
            status: int, as for `Tracker.close`. Defaults to `0`.
        """
        self._each(lambda tracker: tracker.close(status))
        self.trackers = {}

    def _each(self, action):
        for name, tracker in list(self.trackers.items()):
            try:
                action(tracker)
            except Exception as error:  # a tracker must not stop a run
                del self.trackers[name]
                self.print_fn(
                    f"The tracker {name} failed and is stopped: "
                    f"{error}. metrics.jsonl has all metrics."
                )
