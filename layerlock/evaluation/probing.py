"""Judges an encoder by what can be read from its frozen features."""

import dataclasses

import numpy as np

from layerlock.evaluation import encoders, features, probes, scores


@dataclasses.dataclass(frozen=True)
class Result:
    """What a probe found on the test split.

    Attributes:
        metrics: dict from metric to `value` and the `low` and `high` end of
            its 95 % bootstrap interval.
        trials: the settings tried, or the steps of a fine-tuning looked at,
            with their validation scores.
        layer: int, the block that was read.
        predictions: scores `(examples, classes)` or depths.
        targets: classes or depths of the test split.
        probe: the fitted `Probe`.
        features: dict from split to its `Features`.
    """

    metrics: dict
    trials: list
    layer: int
    predictions: np.ndarray
    targets: np.ndarray
    probe: probes.Probe
    features: dict

    @property
    def problems(self) -> list[str]:
        """The examples that could not be read, one sentence each."""
        return [p for split in self.features.values() for p in split.problems]

    @property
    def commonest_class_share(self) -> float | None:
        """Of the test split's examples; `None` where depths are asked for."""
        if self.targets.ndim > 1:
            return None
        return float(np.bincount(self.targets).max() / len(self.targets))

    @property
    def constant_depth_error(self) -> float | None:
        """`abs_rel` of the best depth to say everywhere; `None` for classes."""
        if self.targets.ndim == 1:
            return None
        constant = scores.best_constant_depth(self.targets)
        errors = scores.depth(np.full((1,) * 4, constant), self.targets)
        return float(np.nanmean(errors["abs_rel"]))


def probe(
    encoder,
    task,
    readout="attentive",
    layer=0.95,
    folder=None,
    max_bytes=None,
    progress=None,
) -> Result:
    """Fits a readout on frozen features, and scores it on the test split.

    Settings are chosen by the validation split.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        task: a `Task`.
        readout: a `Probe` or the name of one. Defaults to `"attentive"`.
        layer: see `encoders.layer_number`. Defaults to `0.95`.
        folder, max_bytes, progress: see `features.compute`.

    Raises:
        ValueError: if the readout cannot answer the task.
    """
    readout = probes.get(readout)
    check(readout, task)
    layer = encoders.layer_number(encoder, layer)
    splits = features.compute(encoder, task, layer, folder, max_bytes, progress)
    readout.fit(splits["train"], splits["validation"], task)
    return report_test(task, readout, layer, splits)


def report_test(task, readout, layer: int, splits: dict) -> Result:
    """Scores a fitted readout on the test split.

    Args:
        task: the `Task`.
        readout: the fitted `Probe`.
        layer: int, the block that is read.
        splits: dict from split to its `Features`.
    """
    targets = np.concatenate([truth for _, truth in splits["test"].batches()])
    predictions = readout.predict(splits["test"])
    found = scores.score(task, predictions, targets)
    return Result(
        {name: scores.summarise(values) for name, values in found.items()},
        readout.trials,
        layer,
        predictions,
        targets,
        readout,
        splits,
    )


def check(readout, task):
    """Raises unless a probe can answer a task."""
    if task.is_dense and not readout.is_dense:
        raise ValueError(
            f"{type(task).__name__} asks for the depth of every pixel, and "
            f"{type(readout).__name__} says one thing about a clip. Expected "
            "--readout=attentive or --readout=linear."
        )
