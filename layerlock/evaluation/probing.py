"""Judges an encoder by what can be read from its frozen features."""

import dataclasses
import functools
import math

import numpy as np

from layerlock.evaluation import encoders, extraction, probes, scores

_MAX_BYTES = 3e8  # of answers and truth that are kept


@dataclasses.dataclass(frozen=True)
class Result:
    """What a probe found on the test split.

    Attributes:
        metrics: dict from metric to `value` and the `low` and `high` end of
            its 95 % bootstrap interval.
        trials: the settings tried, or the steps of a fine-tuning looked at,
            with their validation scores.
        layer: int, the block that was read.
        kept: the examples of the test split that the next two are about: all,
            or as many depth maps as fit, evenly spread.
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
        """The examples that could not be read, one sentence each."""
        return [p for split in self.features.values() for p in split.problems]

    @property
    def commonest_class_share(self) -> float | None:
        """Of the test split's examples; `None` where depths are asked for."""
        if self.targets.ndim > 1:
            return None
        return float(np.bincount(self.targets).max() / len(self.targets))

    @functools.cached_property
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
    print_fn=None,
    on_trial=None,
) -> Result:
    """Fits a readout on frozen features, and scores it on the test split.

    Settings are chosen by the validation split.

    Args:
        encoder: a `VideoEncoder`, or `encoders.Pixels`.
        task: a `Task`.
        readout: a `Probe` or the name of one. Defaults to `"attentive"`.
        layer: see `encoders.layer_number`. Defaults to `0.95`.
        folder, max_bytes, progress, print_fn: see `extraction.compute`.
        on_trial: function of each setting that was tried, and its score on the
            validation split, to show it. Defaults to `None`.

    Raises:
        ValueError: if the readout cannot answer the task.
    """
    readout = probes.get(readout)
    check(readout, task, encoder)
    layer = encoders.layer_number(encoder, layer)
    splits = extraction.compute(
        encoder, task, layer, folder, max_bytes, progress, print_fn
    )
    readout.on_trial = on_trial
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
    test, scored, kept, count = splits["test"], [], [], 0
    for values, truth in test.batches():
        answers = readout.answer(values)
        scored.append(scores.score(task, answers, truth))
        each = answers[0].nbytes + truth[0].nbytes
        every = max(1, math.ceil(len(test) * each / _MAX_BYTES))
        numbers = np.arange(count, count + len(truth))
        chosen = numbers % every == 0
        kept.append((numbers[chosen], answers[chosen], truth[chosen]))
        count += len(truth)
    metrics = {
        name: scores.summarise(values, test.groups)
        for name, values in scores.joined(scored).items()
    }
    kept = map(np.concatenate, zip(*kept, strict=True))
    return Result(metrics, readout.trials, layer, *kept, readout, splits)


def check(readout, task, encoder):
    """Raises unless a probe can answer a task from an encoder's features."""
    readout.check(encoder.hidden_dim)
    if task.is_dense and not readout.is_dense:
        raise ValueError(
            f"{type(task).__name__} asks for the depth of every pixel, and "
            f"{type(readout).__name__} says one thing about a clip. Expected "
            "--readout=attentive or --readout=linear."
        )
