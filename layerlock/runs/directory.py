"""The folder that holds everything one run reads and writes."""

import json
from pathlib import Path

from layerlock.runs import writing


class RunDirectory:
    """The files of one pre-training run, written so that a kill loses nothing.

    ```
    config.json      every flag, versions, backend, devices, git revision
    files.json       the frozen lists of data files, if the data are files
    failures.jsonl   reads of files that failed during the run
    schedule.json    when layers froze, if the run found out by itself
    failure.json     where the loss ceased to be a number, if it did
    metrics.jsonl    one line per log step
    checkpoints/     written by the checkpoint room
    encoder/         the encoder alone; the teacher, where there is one
    student/         the encoder that the teacher is the average of
    pictures/        fixed clips, reconstructions, features
    report.html      written by `layerlock.report`
    trackers.json    identifiers of the records of experiment trackers
    tensorboard/     event files, if TensorBoard is a tracker of the run
    .lock            held while a process writes here: `layerlock.runs.lock`
    ```

    Never built directly: `RunDirectory.create` starts a run and refuses a
    folder that holds anything, `RunDirectory.resume` goes on with one,
    `RunDirectory.open` reads one and changes nothing.

    Example:

    ```python
    run = RunDirectory.create("runs/mine", describe_run(flags, ...))
    run.append_metrics({"step": 10, "loss": 0.91})

    run = RunDirectory.resume("runs/mine")
    run.drop_metrics_after(checkpoint_step)
    ```
    """

    def __init__(self, path, config: dict):
        self.path = Path(path)
        self.config = config

    @classmethod
    def create(cls, path, config: dict, files: dict | None = None):
        """Starts a run in an empty or new folder.

        Args:
            path: the folder.
            config: what `config.json` holds; see `describe_run`.
            files: what `files.json` holds, or None if the data are not files.
        """
        path = Path(path)
        check_free(path)
        run = cls(path, writing.plain(config))
        if files is not None:
            run.write_files(files)
        # Last, since a folder with this file is a run.
        writing.write_json(run.config_path, run.config)
        return run

    @classmethod
    def open(cls, path):
        """Reads the run at `path`, which may still be going."""
        path = Path(path)
        config_path = path / "config.json"
        if not config_path.is_file():
            raise ValueError(
                "This folder does not hold a run: it has no config.json. "
                f"Received: run_dir={path}. To start a run there, leave "
                "`--resume` out; to resume one, pass its `--run_dir`."
            )
        return cls(path, json.loads(config_path.read_bytes()))

    @classmethod
    def resume(cls, path):
        """Opens the run at `path` to go on with it.

        A line of `metrics.jsonl` that was being written when the run was
        killed is removed.
        """
        run = cls.open(path)
        writing.drop_unfinished_line(run.metrics_path)
        return run

    @property
    def config_path(self) -> Path:
        """Every flag, versions, backend, devices."""
        return self.path / "config.json"

    @property
    def metrics_path(self) -> Path:
        """One line of JSON per log step."""
        return self.path / "metrics.jsonl"

    @property
    def files_path(self) -> Path:
        """The frozen list of data files."""
        return self.path / "files.json"

    @property
    def schedule_path(self) -> Path:
        """When layers froze, of a run that found out by itself."""
        return self.path / "schedule.json"

    @property
    def failure_path(self) -> Path:
        """Where the loss ceased to be a number, if it did."""
        return self.path / "failure.json"

    @property
    def checkpoints_path(self) -> Path:
        """Folder of everything a resume needs."""
        return self.path / "checkpoints"

    @property
    def encoder_path(self) -> Path:
        """Folder of the exported encoder."""
        return self.path / "encoder"

    @property
    def student_path(self) -> Path:
        """Folder of the encoder itself, if `encoder_path` is its teacher."""
        return self.path / "student"

    @property
    def pictures_path(self) -> Path:
        """Folder of the arrays that the report turns into pictures."""
        return self.path / "pictures"

    @property
    def trackers_path(self) -> Path:
        """Identifiers of the run's records in experiment trackers."""
        return self.path / "trackers.json"

    @property
    def report_path(self) -> Path:
        """The report, one self-contained page."""
        return self.path / "report.html"

    def append_metrics(self, metrics: dict):
        """Adds one line to `metrics.jsonl`, on the disk when this returns.

        Values may be Python or NumPy numbers, scalar tensors, None, NaN.
        """
        writing.append_line(self.metrics_path, writing.encode_metrics(metrics))

    def read_metrics(self) -> list[dict]:
        """All complete lines of `metrics.jsonl`, oldest first.

        An unfinished last line is left out. NaN and infinity are floats
        again.
        """
        return [metrics for _, metrics in self._metrics_lines()]

    def drop_metrics_after(self, step: int) -> int:
        """Removes the lines of steps later than `step`; returns how many."""
        lines = self._metrics_lines()
        kept = [line for line, metrics in lines if metrics["step"] <= step]
        if len(kept) < len(lines):
            content = b"".join(line + b"\n" for line in kept)
            writing.replace_file(self.metrics_path, content)
        return len(lines) - len(kept)

    def add_resume(self, step: int, **facts):
        """Notes in `config.json` that the run went on from `step`.

        Args:
            step: the optimizer step of the checkpoint.
            **facts: anything worth keeping, such as `versions`, `devices`,
                `git_revision` or `command`, if they differ from the start.
        """
        resumes = [*self.config.get("resumes", []), {"step": step, **facts}]
        self.config = writing.plain(self.config | {"resumes": resumes})
        writing.write_json(self.config_path, self.config)

    def write_files(self, files: dict):
        """Freezes the list of data files into `files.json`."""
        writing.write_json(self.files_path, files)

    def write_schedule(self, events: list, flags: str):
        """Writes down when layers froze, and the flags that repeat it."""
        found = {"events": events, "flags": flags}
        writing.write_json(self.schedule_path, found)

    def write_failure(self, facts: dict):
        """Writes down where the loss ceased to be a number."""
        writing.write_json(self.failure_path, writing.plain(facts))

    def read_files(self) -> dict | None:
        """The frozen list of data files, None if the data are not files."""
        if not self.files_path.exists():
            return None
        return json.loads(self.files_path.read_bytes())

    def _metrics_lines(self) -> list[tuple[bytes, dict]]:
        lines = writing.read_lines(self.metrics_path)
        return [
            (line, self._decode(number, line))
            for number, line in enumerate(lines, start=1)
        ]

    def _decode(self, number: int, line: bytes) -> dict:
        try:
            return writing.decode_metrics(line)
        except ValueError as error:
            raise ValueError(
                f"Line {number} of {self.metrics_path} is not JSON. "
                f"Received: {line[:80]!r}. Something other than the run has "
                "written to the file; remove that line."
            ) from error


def check_free(path, flag: str = "run_dir"):
    """Raises unless something can be created at `path` without overwriting.

    Args:
        path: the folder.
        flag: what the command line calls it.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"A folder is needed, and this is a file. Received: {flag}={path}. "
            f"Pass another `--{flag}`."
        )
    # What a killed `create` may have left is not worth keeping.
    leftovers = {
        writing.partial_path(path / "config.json"),
        writing.partial_path(path / "files.json"),
    }
    found = set(path.iterdir()) - leftovers if path.exists() else set()
    if not found:
        return
    if flag == "run_dir" and path / "config.json" in found:
        fix = "To go on with that run, add `--resume`; to start another, pass"
    else:
        fix = "Nothing is overwritten; pass"
    names = sorted(file.name for file in found)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise ValueError(
        f"The folder is not empty. Received: {flag}={path}, which holds "
        f"{shown}. {fix} another `--{flag}`."
    )
