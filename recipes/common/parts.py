"""The parts of a pre-training run, built from its settings."""

import datetime
import pathlib
import sys

import keras
import numpy as np

import layerlock
from common import settings
from layerlock import backends, data, runs
from layerlock.data.sources.folder import FolderSource
from layerlock.models import presets, sharding
from layerlock.runs import configuration, directory

# What may differ when a run goes on: nothing that changes its numbers.
FREE = ("keep_checkpoints", "resume", "run_dir", "workers")
NUM_NAMED = 10  # unreadable videos
NUM_VALIDATION_BATCHES = 4


def open_run(chosen) -> tuple[runs.RunDirectory, data.VideoSource]:
    """Creates the run directory, or opens it to go on; finds the clips.

    The list of files is frozen into the run directory at its start, so that
    a resume reads the same clips whatever has become of the folder.
    """
    config = _describe(chosen)
    path = chosen["run_dir"]
    if chosen["resume"]:
        if path is None:
            raise ValueError("--resume needs the --run_dir to go on with.")
        run = runs.RunDirectory.resume(path)
        configuration.compare_config(run.config, config, FREE)
        for sentence in configuration.changed_versions(run.config, config):
            print(f"Note: {sentence} Results may differ in their last bits.")
        return run, _open_source(chosen, run.path, run.read_files())
    if path is None:
        now = datetime.datetime.now()
        path = pathlib.Path("runs") / now.strftime("%Y-%m-%d_%H-%M-%S")
        print(f"Run directory: {path}")
    directory.check_free(path)
    source = _open_source(chosen, pathlib.Path(path))
    return runs.RunDirectory.create(
        path, config, describe_files(source)
    ), source


def _describe(chosen) -> dict:
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


def _open_source(chosen, run_path, files=None) -> data.VideoSource:
    source = data.get(
        chosen["data"],
        **_clip_arguments(chosen),
        files=files,
        progress=_show_scan,
        failures=run_path / "failures.jsonl",
    )
    if isinstance(source, FolderSource):
        _tell_about(source)
    return source


def _tell_about(source):
    """Says how many videos there are, and which cannot be read."""
    counts = source.counts
    print(
        f"{counts['files']} videos, {counts['unreadable_files']} of them "
        f"unreadable; {counts['short_clips']} shorter than a clip."
    )
    for path, reason in list(source.files.bad.items())[:NUM_NAMED]:
        print(f"  {path}: {reason}")
    if len(source.files.bad) > NUM_NAMED:
        print("  ... see files.json in the run directory.")


def _show_scan(done: int, total: int):
    """A line for every tenth of the videos that were checked."""
    if done == total or done % max(1, total // 10, 10) == 0:
        print(f"Checked {done} of {total} videos", file=sys.stderr)


def describe_files(source) -> dict | None:
    """What files.json holds; `None` where clips do not come from files."""
    if not isinstance(source, FolderSource):
        return None
    return {**source.counts, **source.files.to_json()}


def keep_schedule(run, schedule, progress):
    """Writes the events that a run found, as flags that repeat it."""
    events = schedule.to_piecewise().get_config()["events"]
    text = str(events).replace(" ", "")
    flags = f"--schedule=piecewise --schedule_args=events={text}"
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
        var_names=["bias", "gamma", "beta", "^latent$", "positions"]
    )
    return optimizer


def distribute(chosen):
    """Spreads batches, or the model too, over the devices."""
    kind = chosen["distribution"]
    if kind == "none":
        return
    devices = keras.distribution.list_devices()
    if kind == "data":
        if chosen["batch_size"] % len(devices):
            raise ValueError(
                f"--batch_size={chosen['batch_size']} cannot be split over "
                f"{len(devices)} devices. Make it a multiple."
            )
        spread = keras.distribution.DataParallel(devices=devices)
    else:
        mesh = keras.distribution.DeviceMesh(
            (1, len(devices)), ("batch", "model"), devices
        )
        spread = keras.distribution.ModelParallel(
            layout_map=sharding.layout_map(mesh), batch_dim_name="batch"
        )
    keras.distribution.set_distribution(spread)


def open_validation(chosen):
    """Fixed held-out clips, `(clips, frames, size, size, 3)`, or `None`."""
    if chosen["validation"] is None:
        return None
    source = data.get(
        chosen["validation"],
        **_clip_arguments(chosen),
        split="validation",
        progress=_show_scan,
    )
    number = NUM_VALIDATION_BATCHES * chosen["batch_size"]
    number = min(number, len(source))
    return np.stack([source.fixed(i)[0] for i in range(number)])


def _clip_arguments(chosen):
    names = ("frames", "size", "seed", "fps")
    return {name: chosen[name] for name in names}


def fixed_clips(source, number: int) -> np.ndarray:
    """The first clips of a source, with nothing drawn at random."""
    return np.stack([source.fixed(i)[0] for i in range(number)])


def held_out_loss(model, clips, chosen):
    """A function that returns the loss on fixed clips and masks."""
    if clips is None:
        return None
    return lambda: model.evaluate(
        clips, batch_size=chosen["batch_size"], verbose=0, return_dict=True
    )["loss"]
