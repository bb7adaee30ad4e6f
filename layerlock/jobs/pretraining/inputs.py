"""The clips of a pre-training run."""

import dataclasses
import os
import sys

import numpy as np
from keras import ops

from layerlock import backends, data, evaluation, runs
from layerlock.config import PretrainConfig
from layerlock.data import pipeline
from layerlock.data.names import readable
from layerlock.evaluation import leaks
from layerlock.evaluation.probes import require_scikit_learn
from layerlock.evaluation.task import name_some
from layerlock.jobs.pretraining import processes

NUM_NAMED = 10  # unreadable videos
NUM_VALIDATION_BATCHES = 4


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


def open_clips(config: PretrainConfig, folder) -> Clips:
    """Finds the clips of a run.

    The lists of files are frozen into the run directory at its start, so that
    a resume reads the same clips whatever has become of the folders.
    """
    if config.run.resume:
        known = runs.RunDirectory.open(folder).read_files()
        return _open_clips(config, folder, known or {})
    opened = []

    def look():
        opened.append(_open_clips(config, folder, {}))
        return opened[0].files()

    known = processes.first(look)  # one of them looks through the folders
    return opened[0] if opened else _open_clips(config, folder, known or {})


def _open_clips(config, folder, known) -> Clips:
    source = data.get(
        config.data.data,
        **_clip_arguments(config.data),
        seed=config.training.seed,
        files=known if "files" in known else None,
        progress=_show_scan,
        failures=folder / "failures.jsonl",
    )
    _describe_files(source)
    validation = None
    if config.data.validation is not None:
        validation = data.get(
            config.data.validation,
            **_clip_arguments(config.data),
            files=known.get("validation"),
            split="validation",
            progress=_show_scan,
        )
        _describe_files(validation)
        for sentence in leaked(source, validation):
            print(f"Note: {sentence}")
    return Clips(source, validation, _open_probe(config))


def leaked(source, validation) -> list[str]:
    """Names held-out videos that a run is trained on, links and copies too."""
    listings = [
        (one.describe_files() or {}).get("files", ())
        for one in (validation, source)
    ]
    if not all(listings):
        return []
    durations = [
        {file["path"]: file["duration"] for file in listing}
        for listing in listings
    ]
    both = durations[0] | durations[1]
    firsts = leaks.first_copies(both, both.values())
    trained_on = {firsts[path] for path in durations[1]}
    return name_some(
        "held-out videos are also among `data`, so that their loss is too low",
        [path for path in durations[0] if firsts[path] in trained_on],
    )


def _clip_arguments(section):
    names = ("frames", "size", "fps")
    return {name: getattr(section, name) for name in names}


def _open_probe(config) -> evaluation.Task | None:
    """The task that features are probed by during training, if any."""
    if config.run.probe_every is None:
        return None
    require_scikit_learn()
    arguments = {"frames": config.data.frames, "size": config.data.size}
    if config.run.probe_data is None:
        arguments |= {"num_train": 1000, "num_validation": 500}
        return evaluation.get("scenes_motion", **arguments)
    arguments |= {"data": config.run.probe_data, "fps": config.data.fps}
    task = evaluation.get("folder", **arguments)
    for sentence in task.problems:
        print(f"Note: {sentence}")
    return task


def _describe_files(source):
    """Says how many videos there are, and which cannot be read."""
    found = source.describe_files()
    if found is None:
        return
    print(
        f"{found['num_files']} videos, {found['unreadable_files']} of them "
        f"unreadable; {found['short_clips']} shorter than a clip."
    )
    for part in found.get("parts", ()):
        print(
            f"  {readable(part['name'])}: {part['clips']} clips, "
            f"{part['share']:.1%} of those read."
        )
    for file in found["unreadable"][:NUM_NAMED]:
        print(f"  {readable(file['path'])}: {file['reason']}")
    if len(found["unreadable"]) > NUM_NAMED:
        print("  ... see files.json in the run directory.")


def _show_scan(done: int, total: int):
    """A line for every tenth of the videos that were checked."""
    if done == total or done % max(1, total // 10, 10) == 0:
        print(f"Checked {done} of {total} videos", file=sys.stderr)


def batches(
    config: PretrainConfig, source, first_batch: int = 0, print_fn=print
):
    """What `fit` trains on: batches of a source, one after the other.

    Each process reads its own rows of a batch.

    Args:
        config: resolved.
        source: `data.VideoSource`.
        first_batch: int, the batch to begin with. Defaults to `0`.
        print_fn: function that prints a message. Defaults to `print`.
    """
    return pipeline.batches(
        source,
        config.training.batch_size,
        seed=config.training.seed,
        first_batch=first_batch,
        rows=backends.local_rows(config.training.batch_size),
        num_workers=config.data.workers,
        transfer=backends.to_device,
        print_fn=print_fn,
    )


def waiting_hint(config: PretrainConfig) -> str:
    """What to do where training waits for clips."""
    hints, more = [], config.data.workers + 1
    if more < (os.cpu_count() or 1):
        hints.append(f"More processes may read them sooner: `workers={more}`.")
    if config.data.data != "scenes":
        hints.append(
            "Large videos are read several times faster once "
            "`layerlock prepare` has copied them."
        )
    return " ".join(hints) or "They take more than this machine's cores give."


def fixed_clips(source, number: int) -> np.ndarray:
    """Clips from all over a source, the same for every run on it.

    The first ones of a folder would all be of its first class.
    """
    order = np.random.default_rng(0).permutation(len(source))
    indices = np.sort(np.resize(order, number))
    return np.stack([source.fixed(int(index))[0] for index in indices])


def held_out_loss(model, source, batch_size: int):
    """A function that returns the loss on fixed clips and masks.

    Every process calls it. Keras's `evaluate` would take the clips for parts
    of other batches in other processes.
    """
    if source is None:
        return None
    number = NUM_VALIDATION_BATCHES * batch_size
    clips = fixed_clips(source, min(number, len(source)))
    batches = np.split(clips, range(batch_size, len(clips), batch_size))
    compiled = {}

    def loss() -> float:
        stage = model.frozen_layers, model.target_layers
        if stage not in compiled:
            compiled.clear()
            compiled[stage] = backends.compiled(
                model, lambda clips: model(clips)["loss"]
            )
        losses = [
            float(compiled[stage](ops.convert_to_tensor(batch)))
            for batch in batches
        ]
        return float(np.average(losses, weights=list(map(len, batches))))

    return loss
