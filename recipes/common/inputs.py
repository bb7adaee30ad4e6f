"""The clips of a pre-training run."""

import dataclasses
import os
import sys

import numpy as np

from layerlock import backends, data, evaluation, runs
from layerlock.data import pipeline
from layerlock.evaluation.probes import require_scikit_learn

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


def _clip_arguments(chosen):
    return {name: chosen[name] for name in ("frames", "size", "fps")}


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


def batches(chosen, source, first_batch: int = 0):
    """What `fit` trains on: batches of a source, one after the other.

    Args:
        chosen: dict, every flag with its value.
        source: `data.VideoSource`.
        first_batch: int, the batch to begin with. Defaults to `0`.
    """
    return pipeline.batches(
        source,
        chosen["batch_size"],
        seed=chosen["seed"],
        first_batch=first_batch,
        num_workers=chosen["workers"],
        transfer=backends.to_device,
    )


def waiting_hint(chosen) -> str:
    """What to do where training waits for clips."""
    hints, more = [], chosen["workers"] + 1
    if more < (os.cpu_count() or 1):
        hints.append(f"More processes may read them sooner: --workers={more}.")
    if chosen["data"] != "scenes":
        hints.append(
            "Large videos are read several times faster once "
            "recipes/prepare.py has copied them."
        )
    return " ".join(hints) or "They take more than this machine's cores give."


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
