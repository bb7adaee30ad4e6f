"""The configuration of each job: sections, in the order of their resolution."""

import dataclasses

from layerlock.config.data import DataConfig
from layerlock.config.encoder import EncoderConfig
from layerlock.config.evaluation import (
    FinetuneResultsConfig,
    FrozenEncoderConfig,
    ProbeResultsConfig,
    ReadoutConfig,
    TaskConfig,
    TrainedEncoderConfig,
    TrainedReadoutConfig,
)
from layerlock.config.finetuning import (
    FinetuneFreezingConfig,
    FinetuneTrainingConfig,
)
from layerlock.config.freezing import FreezingConfig
from layerlock.config.method import MethodConfig
from layerlock.config.run import RunConfig
from layerlock.config.section import JobConfig
from layerlock.config.study import ConvergenceStudyConfig
from layerlock.config.training import TrainingConfig
from layerlock.config.videos import CopiesConfig, PicturesConfig

_job = dataclasses.dataclass(frozen=True, kw_only=True)


@_job
class PretrainConfig(JobConfig):
    """Options of `layerlock.pretrain`."""

    encoder: EncoderConfig
    data: DataConfig
    method: MethodConfig
    training: TrainingConfig
    freezing: FreezingConfig
    run: RunConfig


@_job
class ProbeConfig(JobConfig):
    """Options of `layerlock.probe`."""

    encoder: FrozenEncoderConfig
    task: TaskConfig
    readout: ReadoutConfig
    results: ProbeResultsConfig


@_job
class FinetuneConfig(JobConfig):
    """Options of `layerlock.finetune`."""

    encoder: TrainedEncoderConfig
    task: TaskConfig
    readout: TrainedReadoutConfig
    training: FinetuneTrainingConfig
    freezing: FinetuneFreezingConfig
    results: FinetuneResultsConfig


@_job
class PrepareConfig(JobConfig):
    """Options of `layerlock.prepare`."""

    copies: CopiesConfig


@_job
class VisualiseConfig(JobConfig):
    """Options of `layerlock.visualise`."""

    encoder: FrozenEncoderConfig
    pictures: PicturesConfig


@_job
class SavingsConfig(PretrainConfig):
    """Options of `layerlock.savings`: those of the runs that it compares."""


@_job
class ConvergenceConfig(JobConfig):
    """Options of `layerlock.convergence`."""

    encoder: EncoderConfig
    data: DataConfig
    method: MethodConfig
    training: TrainingConfig
    run: RunConfig
    study: ConvergenceStudyConfig
