"""Evaluates the frozen features of an encoder with a probe."""

import dataclasses
import functools
import math

import numpy as np

from layerlock.evaluation import encoders, extraction, probes, scores

_MAX_BYTES = 3e8  # of stored predictions and targets


@dataclasses.dataclass(frozen=True)
class Result:
    """The results of a probe on the test split.

    Attributes:
        metrics: dict from metric to `value` and the `low` and `high` end of
            its 95 % bootstrap interval.
        trials: the tried settings, or the validations of a fine-tuning, with
            their scores.
        layer: int, the block of the features.
        kept: indices of the test examples of `predictions` and `targets`: all,
            or as many evenly spread depth maps as fit.
        predictions: scores `(examples, classes)` or depths.
        targets: classes or depths.
        probe: the fitted `Probe`.
        features: dict from split to its `Features`.
    """

    metrics: dict
    trials: list
    layer: int
    kept: np.ndarray
    predictions: np.ndarray
    targets: np.ndarray
    probe: probes.Probe
    features: dict

    @property
    def problems(self) -> list[str]:
        """A sentence for each unreadable example."""
        return [p for split in self.features.values() for p in split.problems]

    @property
    def commonest_class_share(self) -> float | None:
        """Share of the most frequent class in the test split; else `None`."""
        if self.targets.ndim > 1:
            return None
        return float(np.bincount(self.targets).max() / len(self.targets))

    @functools.cached_property
    def constant_depth_error(self) -> float | None:
        """`abs_rel` of the best constant depth; `None` for classes."""
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
    print_fn=None,
    on_trial=None,
    callbacks=(),
) -> Result:
    """Fits a readout on frozen features, and scores it on the test split.

    The validation split chooses the settings.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        task: a `Task`.
        readout: a `Probe` or the name of one. Defaults to `"attentive"`.
        layer: see `encoders.layer_number`. Defaults to `0.95`.
        folder, max_bytes, progress, print_fn: see `extraction.compute`.
        on_trial: function of each tried setting with its validation score.
            Defaults to `None`.
        callbacks: `keras.callbacks.Callback`s of the readout's first training.

    Raises:
        ValueError: if the readout does not fit the task, or is not trained and
            there are callbacks.
    """
    readout = probes.get(readout)
    check(readout, task, encoder)
    layer = encoders.layer_number(encoder, layer)
    splits = extraction.compute(
        encoder, task, layer, folder, max_bytes, progress, print_fn
    )
    readout.on_trial = on_trial
    if callbacks:
        check_trained(readout)
        readout.callbacks = callbacks
    readout.fit(splits["train"], splits["validation"], task)
    return report_test(task, readout, layer, splits)


def report_test(task, readout, layer: int, splits: dict) -> Result:
    """Scores a fitted readout on the test split.

    Args:
        task: the `Task`.
        readout: the fitted `Probe`.
        layer: int, the block of the features.
        splits: dict from split to its `Features`.
    """
    test, scored, kept, count = splits["test"], [], [], 0
    for values, truth in test.batches():
        answers = readout.answer(values)
        scored.append(scores.score(task, answers, truth))
        each = answers[0].nbytes + truth[0].nbytes
        every = max(1, math.ceil(len(test) * each / _MAX_BYTES))
        numbers = np.arange(count, count + len(truth))
        subset = numbers % every == 0
        kept.append((numbers[subset], answers[subset], truth[subset]))
        count += len(truth)
    metrics = {
        name: scores.summarise(values, test.groups)
        for name, values in scores.joined(scored).items()
    }
    kept = map(np.concatenate, zip(*kept, strict=True))
    return Result(metrics, readout.trials, layer, *kept, readout, splits)


def check_trained(readout):
    """Raises unless a probe is trained by gradient descent."""
    if readout.callbacks is None:
        raise ValueError(
            f"{type(readout).__name__} has no training steps, which callbacks "
            "and `trace` need. Expected a readout such as 'attentive' or "
            "'linear'."
        )


def check(readout, task, encoder):
    """Raises unless a probe fits a task and an encoder."""
    readout.check(encoder.hidden_dim)
    if task.is_dense and not readout.is_dense:
        raise ValueError(
            f"{type(task).__name__} needs a depth for every pixel, and "
            f"{type(readout).__name__} has one prediction per clip. Expected "
            "readout='attentive' or readout='linear'."
        )
