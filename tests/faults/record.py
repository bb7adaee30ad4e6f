"""Keeps results of a long sweep, so that one which is stopped can go on."""

import json
import pathlib


class Record:
    """Results by fault, one line of JSON each.

    Args:
        path: of the file, which may exist. `None` to keep results in memory.
    """

    def __init__(self, path=None):
        self.path = pathlib.Path(path) if path else None
        self.problems = {}
        if self.path is not None and self.path.exists():
            # Without what follows the last line end: half a line.
            lines = self.path.read_text().split("\n")[:-1]
            self.path.write_text("".join(f"{line}\n" for line in lines))
            self.problems.update(map(json.loads, lines))

    def add(self, fault, problems: list[str]):
        """Keeps the result of a fault."""
        self.problems[str(fault)] = problems
        if self.path is not None:
            with open(self.path, "a") as file:
                file.write(json.dumps([str(fault), problems]) + "\n")

    def missing(self, faults) -> list:
        """Returns the faults that have no result."""
        return [fault for fault in faults if str(fault) not in self.problems]

    def results(self, faults) -> list[tuple]:
        """Returns (fault, problems) of all faults that have a result."""
        return [
            (fault, self.problems[str(fault)])
            for fault in faults
            if str(fault) in self.problems
        ]
