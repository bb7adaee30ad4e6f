"""The parts of a pre-training run, built from its settings."""

import dataclasses
import datetime
import importlib.util
import pathlib
import sys

import keras
import numpy as np

import layerlock
from common import settings
from layerlock import backends, data, evaluation, runs
from layerlock.evaluation.probes import require_scikit_learn
from layerlock.models import presets, sharding
from layerlock.runs import configuration, directory, report

# What may differ when a run goes on: nothing that changes its numbers.
FREE = (
    "compilation_cache",
    "keep_checkpoints",
    "resume",
    "run_dir",
    "workers",
)
NUM_NAMED = 10  # unreadable videos
NUM_VALIDATION_BATCHES = 4
REPORT = "python -m layerlock.runs.report"


def choose_folder(chosen) -> pathlib.Path:
    """The run directory: free for a new run, holding one for a resume."""
    path = chosen["run_dir"]
    if chosen["resume"]:
        if path is None:
            raise ValueError("--resume needs the --run_dir to go on with.")
        run = runs.RunDirectory.open(path)
        configuration.compare_config(run.config, describe(chosen), FREE)
        return run.path
    if path is None:
        now = datetime.datetime.now()
        path = pathlib.Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")
        print(f"Run directory: {path}")
    directory.check_free(path)
    return pathlib.Path(path)


@dataclasses.dataclass(frozen=True)
class Clips:
    """What a run reads.

    Args:
        source: `data.VideoSource` of the training clips.
        validation: the same of held-out clips, or `None`.
        probe: `evaluation.Task` that features are probed by, or `None`.
    """

    source: data.VideoSource
    validation: data.VideoSource | None
    probe: evaluation.Task | None

    def files(self) -> dict | None:
        """What files.json holds; `None` where no clip comes from a file."""
        found = dict(self.source.describe_files() or {})
        held_out = self.validation and self.validation.describe_files()
        if held_out:
            found["validation"] = held_out
        return found or None


def open_clips(chosen, folder) -> Clips:
    """Finds the clips of a run.

    The lists of files are frozen into the run directory at its start, so that
    a resume reads the same clips whatever has become of the folders.
    """
    known = {}
    if chosen["resume"]:
        known = runs.RunDirectory.open(folder).read_files() or {}
    source = data.get(
        chosen["data"],
        **_clip_arguments(chosen),
        seed=chosen["seed"],
        files=known if "files" in known else None,
        progress=_show_scan,
        failures=folder / "failures.jsonl",
    )
    _tell_about(source)
    validation = None
    if chosen["validation"] is not None:
        validation = data.get(
            chosen["validation"],
            **_clip_arguments(chosen),
            files=known.get("validation"),
            split="validation",
            progress=_show_scan,
        )
        _tell_about(validation)
    return Clips(source, validation, _open_probe(chosen))


def open_run(chosen, folder, clips) -> runs.RunDirectory:
    """Creates the run directory, or opens it to go on."""
    if not chosen["resume"]:
        return runs.RunDirectory.create(folder, describe(chosen), clips.files())
    run = runs.RunDirectory.resume(folder)
    for sentence in configuration.changed_versions(
        run.config, describe(chosen)
    ):
        print(f"Note: {sentence} Results may differ in their last bits.")
    return run


def differences(chosen, run) -> dict:
    """What is not as it was at the start of the run that goes on."""
    now = describe(chosen)
    return {
        name: now[name]
        for name in ("command", "versions", "devices", "git_revision")
        if now.get(name) != run.config.get(name)
    }


def check_libraries():
    """Raises if what every run needs is not installed."""
    if importlib.util.find_spec("grain") is None:
        raise ImportError(
            "Clips are read with Grain, which is not installed. "
            'To install it: pip install "layerlock[video]"'
        )


def cache_programs(chosen):
    """Keeps compiled programs where the flags say."""
    if chosen["compilation_cache"]:
        folder = pathlib.Path(chosen["compilation_cache"]).expanduser()
        backends.cache_programs(folder)


def write_report(run) -> str:
    """Writes the report; returns what to say about it."""
    try:
        return f"Report: {report.write(run.path)}"
    except ImportError as error:
        return f"No report: {error}. Then: {REPORT} {run.path}"


def describe(chosen) -> dict:
    """What config.json says about a run that starts now."""
    arguments = settings.encoder_arguments(chosen)
    return configuration.describe_run(
        chosen,
        keras.backend.backend(),
        {
            "layerlock": layerlock.__version__,
            "keras": keras.__version__,
            **backends.versions(),
        },
        backends.devices(),
        model={
            "num_layers": arguments["num_layers"],
            "num_parameters": presets.num_parameters(**arguments),
        },
    )


def _tell_about(source):
    """Says how many videos there are, and which cannot be read."""
    found = source.describe_files()
    if found is None:
        return
    print(
        f"{found['num_files']} videos, {found['unreadable_files']} of them "
        f"unreadable; {found['short_clips']} shorter than a clip."
    )
    for file in found["unreadable"][:NUM_NAMED]:
        print(f"  {file['path']}: {file['reason']}")
    if len(found["unreadable"]) > NUM_NAMED:
        print("  ... see files.json in the run directory.")


def _show_scan(done: int, total: int):
    """A line for every tenth of the videos that were checked."""
    if done == total or done % max(1, total // 10, 10) == 0:
        print(f"Checked {done} of {total} videos", file=sys.stderr)


def keep_schedule(chosen, run, schedule, progress):
    """Writes the events that a run found, as flags that repeat it.

    The mini warm-up is one of them: its default depends on the events.
    """
    events = schedule.to_piecewise().get_config()["events"]
    text = str(events).replace(" ", "")
    flags = f"--schedule=piecewise --schedule_args=events={text}"
    if events:
        flags += f" --mini_warmup_steps={chosen['mini_warmup_steps']}"
    run.write_schedule(events, flags)
    progress.message(f"Layers froze by themselves; to repeat it: {flags}")


def build_model(chosen, method) -> layerlock.MaskedPretraining:
    """The encoder, fresh or exported earlier, and what trains it."""
    arguments = settings.encoder_arguments(chosen)
    dtype = settings.dtype(chosen)
    if method.objective.predictor == "transformer":
        arguments["num_decoder_layers"] = 0
    if chosen["init_from"]:
        encoder = layerlock.VideoEncoder.from_preset(
            settings.encoder_folder(chosen),
            clip_shape=arguments["clip_shape"],
            num_decoder_layers=arguments["num_decoder_layers"],
            remat=chosen["remat"],
            dtype=dtype,
            name="encoder",
        )
    else:
        encoder = layerlock.VideoEncoder(
            **arguments, dtype=dtype, name="encoder"
        )
    return layerlock.MaskedPretraining(
        encoder,
        objective=method.objective,
        mask=method.mask,
        seed=chosen["seed"],
        target_fraction=chosen["target_fraction"],
        masks_per_clip=chosen["masks_per_clip"],
        allow_moving_target=chosen["allow_moving_target"],
        dtype=dtype,
    )


def _open_probe(chosen) -> evaluation.Task | None:
    """The task that features are probed by during training, if any."""
    if chosen["probe_every"] is None:
        return None
    require_scikit_learn()
    arguments = {"frames": chosen["frames"], "size": chosen["size"]}
    if chosen["probe_data"] is None:
        arguments |= {"num_train": 1000, "num_validation": 500}
        return evaluation.get("scenes_motion", **arguments)
    arguments |= {"data": chosen["probe_data"], "fps": chosen["fps"]}
    task = evaluation.get("folder", **arguments)
    for sentence in task.problems:
        print(f"Note: {sentence}")
    return task


def build_optimizer(chosen, learning_rate) -> keras.Optimizer:
    """AdamW; norms, biases and positions do not decay."""
    accumulation = chosen["accumulation"]
    optimizer = keras.optimizers.AdamW(
        learning_rate,
        weight_decay=chosen["weight_decay"],
        global_clipnorm=chosen["gradient_clip"] or None,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "^latent$", "^table$"]
    )
    return optimizer


def distribute(chosen):
    """Spreads batches, or the model too, over the devices."""
    kind = chosen["distribution"]
    if kind == "none":
        return
    devices = keras.distribution.list_devices()
    if kind == "data":
        spread = keras.distribution.DataParallel(devices=devices)
    else:
        mesh = keras.distribution.DeviceMesh(
            (1, len(devices)), ("batch", "model"), devices
        )
        spread = keras.distribution.ModelParallel(
            layout_map=sharding.layout_map(mesh), batch_dim_name="batch"
        )
    keras.distribution.set_distribution(spread)


def _clip_arguments(chosen):
    return {name: chosen[name] for name in ("frames", "size", "fps")}


def fixed_clips(source, number: int) -> np.ndarray:
    """Clips from all over a source, the same for every run on it.

    The first ones of a folder would all be of its first class.
    """
    order = np.random.default_rng(0).permutation(len(source))
    chosen = np.sort(np.resize(order, number))
    return np.stack([source.fixed(int(index))[0] for index in chosen])


def held_out_loss(model, source, chosen):
    """A function that returns the loss on fixed clips and masks."""
    if source is None:
        return None
    number = NUM_VALIDATION_BATCHES * chosen["batch_size"]
    clips = fixed_clips(source, min(number, len(source)))
    return lambda: model.evaluate(
        clips, batch_size=chosen["batch_size"], verbose=0, return_dict=True
    )["loss"]
