"""Reads flags into a configuration."""

import re
import sys

from absl import flags

from layerlock.config import JobConfig, OptionError
from layerlock.jobs.job import Job

_DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
    dict: flags.DEFINE_string,
}
# What `init_from` brings, so that it is not set beside it.


def define(config_class: type) -> flags.FlagValues:
    """Defines a flag for every option of a configuration."""
    values = flags.FlagValues()
    for option in config_class.options().values():
        if option.word is not None or option.booleans is not None:
            flags.DEFINE_flag(_true_false_or(option), values)
            continue
        _DEFINE[option.kind](option.flag, None, option.help, flag_values=values)
    return values


def _true_false_or(option) -> flags.Flag:
    """A flag that needs no value, and may have a word."""
    words = (option.word,) if option.choices is None else option.choices()
    return flags.Flag(
        _BooleanOrWord(words),
        flags.ArgumentSerializer(),
        option.name,
        None,
        option.help,
        boolean=True,
    )


class _BooleanOrWord(flags.BooleanParser):
    def __init__(self, words):
        self.words = words

    def parse(self, argument):
        return argument if argument in self.words else super().parse(argument)


def read(
    job: Job, arguments: list[str], config: JobConfig | None = None
) -> JobConfig:
    """Returns the configuration of a command line; leaves on mistakes.

    Args:
        job: whose options the flags are.
        arguments: the flags.
        config: configuration that they change. Defaults to `None`.
    """
    try:
        return parse(job.config_class, arguments, config)
    except (flags.Error, OptionError) as error:
        sys.exit(f"{job.name}: {dashed(error, job)}\nSee --help.")


def parse(
    config_class: type, arguments: list[str], config: JobConfig | None = None
) -> JobConfig:
    """Returns the configuration of a list of flags.

    Args:
        config_class: a `JobConfig`.
        arguments: the flags.
        config: configuration that they change. Defaults to `None`.

    Raises:
        absl.flags.Error: if a flag is unknown or has no value of its type.
        OptionError: if an option does not allow its value.

    Example:

    >>> from layerlock.config import PretrainConfig
    >>> parse(PretrainConfig, ["--steps=60", "--remat"]).given
    {'remat': 'blocks', 'steps': 60}
    """
    values = define(config_class)
    try:
        _, *stray = values(["layerlock", *arguments])
    except RecursionError:  # absl compares an unknown name with all others
        raise flags.Error(
            "Unknown flag, of a name that is much too long. See the list of "
            "options."
        ) from None
    if stray:
        raise flags.Error(
            f"Unexpected arguments: {stray}. Flags start with --."
        )
    given = {
        name: values[option.flag].value
        for name, option in config_class.options().items()
        if values[option.flag].present
    }
    if config is None:
        return config_class.of(**given)
    if (
        given.get("resume") is True
    ):  # config.json has all but instances of plug-ins
        config = config.but(
            **{
                name: None
                for name, value in config.given.items()
                if isinstance(value, str)
                or not config_class.options()[name].plugin
            }
        )
    return config.but(**given)


def dashed(error, job) -> str:
    """A message with flags where it names options in backticks.

    Example:

    >>> from layerlock.commands import find
    >>> dashed("`steps=9` is less than `log_every`.", find("pretrain"))
    '--steps=9 is less than --log_every.'
    """
    options = job.config_class.options()
    return re.sub(
        rf"`({'|'.join(options)})((?:=[^`]*)?)`",
        lambda found: f"--{options[found[1]].flag}{found[2]}",
        str(error),
    )
