"""Compiles the steps of a run for devices that do not exist."""

import functools
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

import keras

from layerlock import backends
from layerlock.backends.planned import PlannedStep
from layerlock.config import OptionError, PretrainConfig, facts
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.jobs.job import JobError
from layerlock.jobs.pretraining import building, method as methods
from layerlock.models.video_encoder import VideoEncoder

_PROGRAM = (
    "import sys; from layerlock.jobs.pretraining import compiling; "
    "compiling.main(*sys.argv[1:])"
)


def compile_steps(
    config: PretrainConfig, stages: list[int]
) -> list[PlannedStep] | None:
    """Compiles the step of some stages, in a process of its own.

    A process learns at its start how many devices it has. Nothing is allocated
    and nothing is run.

    Args:
        config: resolved, with `devices`.
        stages: numbers of frozen layers.

    Returns:
        A `PlannedStep` for each stage, or `None` if the backend compiles for
        real devices only.

    Raises:
        OptionError: if the layout does not fit the model.
        JobError: if the process fails.
    """
    environment = backends.planning_environment(config.devices.devices)
    if environment is None:
        return None
    with tempfile.TemporaryDirectory(prefix="layerlock-plan-") as folder:
        order, result = (pathlib.Path(folder) / name for name in "ab")
        try:
            order.write_bytes(pickle.dumps((config, stages)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise OptionError(
                "With `devices`, a plan is compiled in a process of its own, "
                f"to which this configuration cannot be sent: {error}. Define "
                "your classes in a module."
            ) from error
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(order), str(result)],
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **environment,
                "KERAS_BACKEND": keras.backend.backend(),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            check=False,
        )
        if not result.exists():
            raise JobError(
                "The process that compiles the plan ended without a result. "
                "What it printed is above. Plan a smaller model, or fewer "
                "devices, if its memory did not suffice."
            )
        found = pickle.loads(result.read_bytes())
    if isinstance(found, str):
        raise OptionError(found)
    return found


def main(order, result):
    """The program of that process.

    Args:
        order: path of a pickled configuration and its stages.
        result: path that the pickled list of `PlannedStep`s is written to, or
            the reason why there is none.
    """
    config, stages = pickle.loads(pathlib.Path(order).read_bytes())
    print(
        f"Compiling {len(stages)} steps for {config.devices.devices} devices; "
        "a large model takes minutes.",
        file=sys.stderr,
        flush=True,
    )
    try:
        found = _plan(config, stages)
    except ValueError as error:  # of the layout, say
        found = str(error)
    pathlib.Path(result).write_bytes(pickle.dumps(found))


def _plan(config, stages) -> list[PlannedStep]:
    method = methods.build(config)
    clip_shape = facts.encoder_arguments(config)["clip_shape"]
    makers = [
        functools.partial(_build, config, method, frozen_layers)
        for frozen_layers in stages
    ]
    with building.distributed(config):
        return backends.plan_steps(
            makers, (config.training.batch_size, *clip_shape, 3)
        )


def _build(config, method, frozen_layers) -> MaskedPretraining:
    """A compiled model of a stage; no weights are read from files."""
    # Those of `init_from` name their own precision.
    own = {"dtype": config.encoder.dtype, "name": "encoder", "trainable": True}
    encoder = VideoEncoder.from_config(
        {**facts.encoder_arguments(config), **own}
    )
    teacher = facts.teacher_sizes(config)
    if teacher is not None:
        teacher = VideoEncoder.from_config({**teacher, "name": "teacher"})
    model = building.pretraining(
        config,
        method,
        encoder,
        frozen_layers=frozen_layers,
        fixed_teacher=teacher,
    )
    model.compile(
        building.build_optimizer(config, method.learning_rate), jit_compile=True
    )
    model.optimizer.build(model.trainable_variables)
    return model
