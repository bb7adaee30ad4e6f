"""Options of the jobs that judge, fine-tune or show an encoder."""

import math
import pathlib

from layerlock.config import facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section
from layerlock.config.tracing import check_trace, trace_option

FINAL_NORM = "final_norm"


def _frames(config):
    """the encoder's"""
    return facts.judged_sizes(config.encoder.encoder)["clip_shape"][0]


def _size(config):
    """the encoder's"""
    return facts.judged_sizes(config.encoder.encoder)["clip_shape"][1]


@section
class TrainedEncoderConfig(Section):
    """The encoder that is fine-tuned."""

    title = "Encoder"

    encoder: str = option(
        help="A run directory, an exported encoder, or random:PRESET for "
        "random weights."
    )
    student: bool = option(
        False,
        "Of a run with a teacher, take the student, of which the teacher is "
        "the moving average.",
    )


@section
class FrozenEncoderConfig(TrainedEncoderConfig):
    """The frozen encoder, and the block that is read."""

    title = "Encoder"

    encoder: str = option(
        help="A run directory, an exported encoder, or a floor: random:PRESET "
        "or pixels:PRESET."
    )
    layer: str = option(
        "0.95",
        "The block that is read: its number, or a share of the depth; or "
        "final_norm, the normalised output of an imported encoder.",
        numbers=True,
    )

    def check_together(self, config):
        if self.layer == FINAL_NORM:
            return
        try:
            if math.isfinite(float(self.layer)):
                return
        except ValueError:
            pass
        raise OptionError(
            "`layer` is the number of a block, such as 3, a share of the "
            f"depth, such as 0.95, or {FINAL_NORM}. Received: {self.layer}."
        )

    @property
    def block(self) -> int | float | str:
        """The block as a number: 1 is the first, and 1.0 all of the depth."""
        if self.layer == FINAL_NORM:
            return self.layer
        is_number = self.layer.strip().lstrip("+-").isdigit()
        return int(self.layer) if is_number else float(self.layer)


@section
class TaskConfig(Section):
    """The labelled task, and its clips."""

    title = "Task"

    task: str = option(
        "scenes_motion",
        "The labelled task.",
        choices=facts.names("task"),
        plugin=True,
    )
    task_args: dict = option(
        "",
        "name=value,... for the constructor of the task, such as "
        "single_frame=True.",
    )
    data: str | None = option(None, "Folder of the task's files.")
    frames: int = option(rule=_frames, low=1, help="Frames of a clip.")
    size: int = option(
        rule=_size, low=1, help="Height and width of a clip, pixels."
    )
    seed: int = option(
        0,
        "Seed of a random encoder and of the readout. Clips have a seed of "
        "their own, `task_args=seed=1`.",
        low=0,
        high=2**32 - 1,
    )


@section
class ReadoutConfig(Section):
    """The probe, a small network on frozen features."""

    title = "Readout"

    readout: str = option(
        "attentive",
        "What reads the features.",
        choices=facts.names("readout"),
        plugin=True,
    )
    readout_args: dict = option(
        "",
        "name=value,... for the constructor of the readout, such as "
        "steps=2000,learning_rates=(1e-3,3e-3).",
    )
    cache_gigabytes: float = option(
        8.0,
        "Features are kept on disk while probing if they fit in this much.",
        low=0,
    )


@section
class TrainedReadoutConfig(Section):
    """The readout that is trained with the encoder."""

    title = "Readout"

    readout: str = option(
        "attentive",
        "What reads the features of the last block.",
        choices=facts.trainable_readouts,
        plugin=True,
    )
    readout_args: dict = option(
        "",
        "name=value,... for the constructor of the readout, such as "
        "weights=runs/imported for the readout of an import.",
    )


class ResultsConfig(Section):
    """Where results are written."""

    title = "Results"
    folder = "results"

    def free_folder(self, config) -> str:
        """The first folder of results that no job has used, or uses now."""
        out = self._home(config) / self._name(config)
        first, count = out, 1
        while out.exists() and (not is_left(out) or facts.is_held(out)):
            count += 1
            out = first.with_name(f"{first.name}-{count}")
        return str(out)

    def _home(self, config) -> pathlib.Path:
        home = pathlib.Path(config.encoder.encoder)
        if not facts.is_run(home):
            home = pathlib.Path("runs") / home.name.replace(":", "-")
        return home / self.folder

    def _name(self, config) -> str:
        names = [
            plugin if isinstance(plugin, str) else type(plugin).__name__
            for plugin in (config.task.task, config.readout.readout)
        ]
        if config.encoder.student:
            names.append("student")
        return "-".join(names)


FEATURES = ".features"
LOCK = ".lock"  # of the job that writes its results there


def is_left(folder: pathlib.Path) -> bool:
    """Whether a folder holds nothing but kept features of a killed probe."""
    entries = {entry.name for entry in folder.iterdir()}
    return FEATURES in entries and entries <= {FEATURES, LOCK}


def _out(config):
    """probes/TASK-READOUT in the run's folder, or in runs/ for other
    encoders"""
    return config.results.free_folder(config)


def _finetuned_out(config):
    """finetuned/TASK-READOUT in the run's folder, or in runs/ for other
    encoders"""
    return config.results.free_folder(config)


@section
class ProbeResultsConfig(ResultsConfig):
    """Where results of a probe are written."""

    title = "Results"
    folder = "probes"

    out: str = option(rule=_out, help="Folder of the results.")
    plan: bool = option(
        False, "Show the options and the cost, and compute nothing."
    )
    trace: str | None = trace_option()


@section
class FinetuneResultsConfig(ResultsConfig):
    """Where results of a fine-tuning are written."""

    title = "Results"
    folder = "finetuned"

    out: str = option(rule=_finetuned_out, help="Folder of the results.")
    plan: bool = option(
        False, "Show the options, the cost and the memory, and train nothing."
    )
    trace: str | None = trace_option()

    def check_together(self, config):
        check_trace(self.trace, config.training.steps)
