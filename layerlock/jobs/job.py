"""A job: a configuration, checked before anything is computed."""

import dataclasses
import multiprocessing
import sys
from collections.abc import Callable

from layerlock import backends, environment
from layerlock.config import JobConfig
from layerlock.config.configuration import keywords
from layerlock.data.names import encodable


class JobError(RuntimeError):
    """A job did not come to its end.

    Args:
        message: str, why, and how to go on.
        status: int, the exit status of its command. Defaults to `1`.
    """

    def __init__(self, message: str, status: int = 1):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Job:
    """A job as a function of its options.

    `job(steps=60)` and `job(config)` do the same. `prepare` checks all that
    can be wrong, and returns a function that does the work.

    Args:
        name: str.
        config_class: the `JobConfig` of its options.
        start: function of a configuration, as it was given. Checks it, and
            returns a function without arguments that does the work.
        plan: function of a configuration. Returns a `Plan`.
        description: str, the docstring.
    """

    name: str
    config_class: type
    start: Callable
    plan: Callable
    description: str

    def __post_init__(self):
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", self.description)
        object.__setattr__(self, "__signature__", keywords(self.config_class))

    def __call__(self, config: JobConfig | None = None, /, **options):
        if config is None:
            config = self.config_class.of(**options)
        elif options and isinstance(config, self.config_class):
            config = config.but(**options)
        note = environment.note()
        if note:
            print(note, file=sys.stderr)
        return self.prepare(config)()

    def prepare(self, config: JobConfig) -> Callable:
        """Checks a configuration; returns what does the work.

        Raises:
            ValueError, TypeError, OSError, ImportError: with what is wrong,
                what was received, and how to mend it.
        """
        if not isinstance(config, self.config_class):
            raise TypeError(
                f"{self.name} takes a {self.config_class.__name__}, or options "
                f"by name. Received: {config!r}."
            )
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError(
                "A process that reads clips runs this script again. Put the "
                'call under `if __name__ == "__main__":`, or pass `workers=0`.'
            )
        with backends.without_tensorflow():
            if config.is_plan:
                plan = self.plan(config)
                return lambda: show(plan)
            work = self.start(config)

        def run():
            with backends.without_tensorflow():
                return work()

        return run


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a job would do, without doing it.

    Args:
        config: the resolved configuration.
        lines: list of str, cost and memory in words.
        facts: dict for programs, of numbers and lists.
    """

    config: JobConfig
    lines: list
    facts: dict

    def __str__(self):
        return "\n".join([options_table(self.config), "", *self.lines])


def show(plan: Plan) -> Plan:
    """Prints a plan, and returns it."""
    print(encodable(str(plan)))
    return plan


def options_table(config: JobConfig) -> str:
    """All options with their values as text, a section after the other."""
    names = config.options()
    width = max(map(len, names))
    lines = []
    for field in config.sections():
        section = getattr(config, field)
        lines.append(f"{section.title}:")
        for name, value in section.values.items():
            mark = "" if name in section.given else "  (default)"
            lines.append(f"  {name:{width}}  {_text(value)}{mark}")
    return "\n".join(lines)


def _text(value) -> str:
    if value is None:
        return "not set"
    if value == () or value == "":
        return "empty"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)
