"""The run directory in a process that leaves the writing to another one."""

from layerlock.runs.directory import RunDirectory


class FollowedRun(RunDirectory):
    """A run whose files another process writes.

    It reads what a `RunDirectory` reads, and writes nothing.

    Example:

    >>> run = FollowedRun("runs/shared", {})
    >>> run.append_metrics({"step": 10, "loss": 0.91})
    >>> run.is_writer
    False
    """

    is_writer = False

    def append_metrics(self, metrics):
        pass

    def drop_metrics_after(self, step):
        return 0

    def add_resume(self, step, **facts):
        pass

    def write_files(self, files):
        pass

    def write_schedule(self, events, flags):
        pass

    def write_failure(self, facts):
        pass
