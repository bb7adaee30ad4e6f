"""Options of every job: each is defined once, in its section.

Keywords, flags, `--help`, the reference page and `config.json` come from that
definition.
"""

from layerlock.config.configuration import JobConfig as JobConfig
from layerlock.config.jobs import (
    ConvergenceConfig as ConvergenceConfig,
    ConvertConfig as ConvertConfig,
    FinetuneConfig as FinetuneConfig,
    PrepareConfig as PrepareConfig,
    PretrainConfig as PretrainConfig,
    ProbeConfig as ProbeConfig,
    SavingsConfig as SavingsConfig,
    VisualiseConfig as VisualiseConfig,
)
from layerlock.config.option import OptionError as OptionError, option as option
from layerlock.config.section import (
    Section as Section,
    UnresolvedError as UnresolvedError,
)
