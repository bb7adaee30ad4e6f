"""The configuration of each job: sections, in the order of their resolution."""

import dataclasses

from layerlock.config.configuration import JobConfig
from layerlock.config.converting import ConversionConfig
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
from layerlock.config.study import ConvergenceStudyConfig
from layerlock.config.training import TrainingConfig
from layerlock.config.videos import CopiesConfig, PicturesConfig

_job = dataclasses.dataclass(frozen=True, kw_only=True)


@_job
class PretrainConfig(JobConfig):
    """Options of `layerlock.pretrain`.

    Example:

    >>> PretrainConfig.of(steps=60).training.batch_size
    32
    """

    encoder: EncoderConfig
    data: DataConfig
    method: MethodConfig
    training: TrainingConfig
    freezing: FreezingConfig
    run: RunConfig


@_job
class ProbeConfig(JobConfig):
    """Options of `layerlock.probe`.

    Example:

    >>> ProbeConfig.of(encoder="runs/b").encoder.block
    0.95
    """

    encoder: FrozenEncoderConfig
    task: TaskConfig
    readout: ReadoutConfig
    results: ProbeResultsConfig


@_job
class FinetuneConfig(JobConfig):
    """Options of `layerlock.finetune`.

    Example:

    >>> FinetuneConfig.of(encoder="runs/b").training.layer_decay
    0.75
    """

    encoder: TrainedEncoderConfig
    task: TaskConfig
    readout: TrainedReadoutConfig
    training: FinetuneTrainingConfig
    freezing: FinetuneFreezingConfig
    results: FinetuneResultsConfig


@_job
class PrepareConfig(JobConfig):
    """Options of `layerlock.prepare`.

    Example:

    >>> PrepareConfig.of(data="/videos", out="/small").copies.short_side
    256
    """

    copies: CopiesConfig


@_job
class VisualiseConfig(JobConfig):
    """Options of `layerlock.visualise`.

    Example:

    >>> VisualiseConfig.of(encoder="runs/b", video="dog.mp4").pictures.seconds
    60.0
    """

    encoder: FrozenEncoderConfig
    pictures: PicturesConfig


@_job
class ConvertConfig(JobConfig):
    """Options of `layerlock.convert`.

    Example:

    >>> ConvertConfig.of(from_="runs/b", out="b.onnx", to="onnx").arguments()
    ['--from=runs/b', '--out=b.onnx', '--to=onnx']
    """

    conversion: ConversionConfig


@_job
class SavingsConfig(PretrainConfig):
    """Options of `layerlock.savings`: those of the runs that it compares.

    Example:

    >>> SavingsConfig.of(steps=60).training.steps
    60
    """


@_job
class ConvergenceConfig(JobConfig):
    """Options of `layerlock.convergence`.

    Example:

    >>> ConvergenceConfig.of(quick=True).study.tolerance
    0.01
    """

    encoder: EncoderConfig
    data: DataConfig
    method: MethodConfig
    training: TrainingConfig
    run: RunConfig
    study: ConvergenceStudyConfig
