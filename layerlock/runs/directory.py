"""The folder with all files of one run."""

from pathlib import Path

from layerlock import json_files
from layerlock.runs import contents, lock, writing


class RunDirectory:
    """The files of one pre-training run, safe against a killed process.

    ```
    config.json      all options, versions, backend, devices, git revision
    files.json       the fixed lists of data files, if the data are files
    failures.jsonl   failed reads of files during the run
    schedule.json    freeze events, if the schedule is adaptive
    failure.json     step and clips of a loss that is NaN or infinite
    metrics.jsonl    one line per log step
    checkpoints/     written by `layerlock.runs.checkpoints`
    encoder/         the exported encoder: its moving average, if there is one
    student/         the encoder that is trained, if there is an average
    pictures/        fixed clips, reconstructions, features
    report.html      written by `layerlock.report`
    trackers.json    identifiers of the runs of experiment trackers
    tensorboard/     event files, if TensorBoard is a tracker of the run
    .lock            held by the process that writes: `layerlock.runs.lock`
    ```

    Do not call the constructor: `RunDirectory.create` starts a run in an empty
    folder, `RunDirectory.resume` resumes a run, `RunDirectory.open` only reads
    a run.

    Example:

    ```python
    run = RunDirectory.create("runs/mine", describe_run(flags, ...))
    run.append_metrics({"step": 10, "loss": 0.91})

    run = RunDirectory.resume("runs/mine")
    run.drop_metrics_after(checkpoint_step)
    ```

    Attributes:
        is_writer: bool, whether this process writes the files.
    """

    is_writer = True

    def __init__(self, path, config: dict):
        self.path = Path(path)
        self.config = config

    @classmethod
    def create(cls, path, config: dict, files: dict | None = None):
        """Starts a run in an empty or new folder.

        Args:
            path: the folder.
            config: content of `config.json`; see `describe_run`.
            files: content of `files.json`, or `None` if the data are not
                files.
        """
        path = Path(path)
        check_free(path)
        run = cls(path, writing.plain(config))
        if files is not None:
            run.write_files(files)
        # Last: a folder with this file is a run.
        writing.write_json(run.config_path, run.config)
        return run

    @classmethod
    def open(cls, path):
        """Reads the run at `path`, which may still be running."""
        path = Path(path)
        config_path = path / "config.json"
        if not config_path.is_file():
            raise ValueError(
                "This folder does not hold a run: it has no config.json. "
                f"Received: run_dir={path}. To start a run there, leave "
                "`resume` out; to resume a run, pass its `run_dir`."
            )
        config = json_files.read(config_path)
        contents.check_config(config, config_path)
        return cls(path, config)

    @classmethod
    def resume(cls, path):
        """Opens the run at `path` to resume it.

        Removes an incomplete last line of `metrics.jsonl`.
        """
        run = cls.open(path)
        writing.drop_unfinished_line(run.metrics_path)
        return run

    @property
    def config_path(self) -> Path:
        """All options, versions, backend, devices."""
        return self.path / "config.json"

    @property
    def metrics_path(self) -> Path:
        """One line of JSON per log step."""
        return self.path / "metrics.jsonl"

    @property
    def files_path(self) -> Path:
        """The fixed list of data files."""
        return self.path / "files.json"

    @property
    def schedule_path(self) -> Path:
        """Freeze events of a run with an adaptive schedule."""
        return self.path / "schedule.json"

    @property
    def failure_path(self) -> Path:
        """Step and clips of a loss that is NaN or infinite."""
        return self.path / "failure.json"

    @property
    def checkpoints_path(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def encoder_path(self) -> Path:
        """Folder of the exported encoder."""
        return self.path / "encoder"

    @property
    def student_path(self) -> Path:
        """Folder of the trained encoder, if `encoder_path` is its teacher."""
        return self.path / "student"

    @property
    def pictures_path(self) -> Path:
        """Folder of the arrays for the pictures of the report."""
        return self.path / "pictures"

    @property
    def trackers_path(self) -> Path:
        """Identifiers of the run in experiment trackers."""
        return self.path / "trackers.json"

    @property
    def report_path(self) -> Path:
        """The report, one self-contained page."""
        return self.path / "report.html"

    def append_metrics(self, metrics: dict):
        """Appends one line to `metrics.jsonl` and flushes it to the disk.

        Values may be Python or NumPy numbers, scalar tensors, None, NaN.
        """
        writing.append_line(self.metrics_path, writing.encode_metrics(metrics))

    def read_metrics(self) -> list[dict]:
        """Returns all complete lines of `metrics.jsonl`, oldest first.

        Leaves out an incomplete last line, and restores NaN and infinity.
        """
        return [metrics for _, metrics in self._metrics_lines()]

    def drop_metrics_after(self, step: int) -> int:
        """Removes the lines after `step`; returns their number."""
        lines = self._metrics_lines()
        kept = [line for line, metrics in lines if metrics["step"] <= step]
        if len(kept) < len(lines):
            content = b"".join(line + b"\n" for line in kept)
            writing.replace_file(self.metrics_path, content)
        return len(lines) - len(kept)

    def add_resume(self, step: int, **facts):
        """Records in `config.json` that the run was resumed at `step`.

        Args:
            step: the optimizer step of the checkpoint.
            **facts: entries that differ from the start of the run, such as
                `versions`, `devices`, `git_revision` or `command`.
        """
        resumes = [*self.config.get("resumes", []), {"step": step, **facts}]
        self.config = writing.plain(self.config | {"resumes": resumes})
        writing.write_json(self.config_path, self.config)

    def write_files(self, files: dict):
        """Writes the fixed list of data files."""
        writing.write_json(self.files_path, files)

    def write_schedule(self, events: list, flags: str):
        """Writes the freeze events, and the options that repeat them."""
        content = {"events": events, "flags": flags}
        writing.write_json(self.schedule_path, content)

    def write_failure(self, facts: dict):
        """Writes step and clips of a loss that is NaN or infinite."""
        writing.write_json(self.failure_path, writing.plain(facts))

    def read_files(self) -> dict | None:
        """Returns the fixed list of data files, `None` if there is none."""
        if not self.files_path.exists():
            return None
        files = json_files.read(self.files_path)
        contents.check_files(files, self.files_path)
        return files

    def read_failure(self) -> dict | None:
        """Returns step and clips of a broken loss, `None` if there is none."""
        if not self.failure_path.exists():
            return None
        failure = json_files.read(self.failure_path)
        contents.check_failure(failure, self.failure_path)
        return failure

    def _metrics_lines(self) -> list[tuple[bytes, dict]]:
        lines = writing.read_lines(self.metrics_path)
        return [
            (line, self._decode(number, line))
            for number, line in enumerate(lines, start=1)
        ]

    def _decode(self, number: int, line: bytes) -> dict:
        place = f"line {number} of {self.metrics_path}"
        try:
            metrics = writing.decode_metrics(line)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"Line {number} of {self.metrics_path} is not JSON of metrics. "
                f"Received: {line[:80]!r}. Another program has "
                "changed the file; remove that line."
            ) from error
        contents.check_metrics(metrics, place)
        return metrics


def check_free(path, option: str = "run_dir"):
    """Raises unless the folder `path` is new or empty.

    Args:
        path: the folder.
        option: str, name of the option, for the message.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"Expected a folder, not a file. Received: {option}={path}. "
            f"Pass another `{option}`."
        )
    # The lock and partial files of a killed `create` may be overwritten.
    leftovers = {
        path / lock.NAME,
        writing.partial_path(path / "config.json"),
        writing.partial_path(path / "files.json"),
    }
    entries = set(path.iterdir()) - leftovers if path.exists() else set()
    if not entries:
        return
    if option == "run_dir" and path / "config.json" in entries:
        fix = "To resume that run, add `resume`; to start another, pass"
    else:
        fix = "Nothing is overwritten; pass"
    names = sorted(file.name for file in entries)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise ValueError(
        f"The folder is not empty. Received: {option}={path}, which contains "
        f"{shown}. {fix} another `{option}`."
    )
