"""Trains an encoder and a readout end to end on a task."""

import collections
import concurrent.futures

import keras
import numpy as np

from layerlock import plugins
from layerlock.backends.layerwise import LayerwiseAdamW, layer_multipliers
from layerlock.core.freezing import schedules
from layerlock.core.freezing.callback import LayerLock
from layerlock.evaluation import extraction, probes, probing
from layerlock.evaluation.cached_examples import CachedExamples
from layerlock.evaluation.features import Features
from layerlock.evaluation.probes._trained import TrainedProbe
from layerlock.evaluation.random_batches import random_batches
from layerlock.evaluation.validation import Validation

# Names of weights that do not decay; learned positions are a table.
NO_DECAY = ("bias", "gamma", "beta", "positions", "^table$", "queries")
_MAX_BYTES = 2e9  # of clips that are kept in memory
# Maps, for the mean and the spread of the depth.
_MAX_DEPTHS, _MAX_DEPTH_BYTES = 200, 3e8
_READ_AHEAD = 3  # batches


class EncoderWithReadout(keras.Model):
    """An encoder and what reads the features of its last block.

    Args:
        encoder: a `VideoEncoder`.
        readout: a `keras.Model` of features `(batch, frames, rows, columns,
            dim)`.

    Call arguments:
        clips: uint8 `(batch, frames, height, width, 3)`.

    Output shape:
        That of `readout`.
    """

    def __init__(self, encoder, readout, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.readout = readout
        self.built = True  # both are

    def call(self, clips, training=False):
        last = self.encoder.layer_names[-1]
        found = self.encoder.features(clips, [last], training)[last]
        return self.readout(found, training=training)


def adamw(
    encoder,
    learning_rate=1e-3,
    weight_decay: float = 0.05,
    layer_decay: float = 0.75,
    gradient_clip: float = 1.0,
) -> keras.Optimizer:
    """AdamW with layer-wise learning-rate decay.

    Block `i` of `n` has `learning_rate * layer_decay ** (n - i)`; the patch
    embedding and added positions count as block 0. The readout has the full
    rate. Norms, biases, positions and queries do not decay.

    Args:
        encoder: the `VideoEncoder`.
        learning_rate: float, or a schedule. Defaults to `1e-3`.
        weight_decay: float. Defaults to `0.05`.
        layer_decay: float, above 0 and at most 1, the same rate for all.
            Defaults to `0.75`.
        gradient_clip: float, largest norm of the gradient; 0 turns clipping
            off. Defaults to `1.0`.

    Example:

    >>> from layerlock import VideoEncoder
    >>> encoder = VideoEncoder.from_preset("video_vit_nano")  # 8 blocks
    >>> rates = adamw(encoder, layer_decay=0.5).multipliers
    >>> [rates[layer.variables[0].path]
    ...  for layer in (encoder.blocks[-1], encoder.blocks[0])]
    [1.0, 0.0078125]
    """
    multipliers = layer_multipliers(
        [encoder.embedding, *encoder.blocks], layer_decay
    )
    arguments = {
        "weight_decay": weight_decay,
        "global_clipnorm": gradient_clip or None,
    }
    if layer_decay == 1:  # Keras's own is faster on PyTorch
        optimizer = keras.optimizers.AdamW(learning_rate, **arguments)
    else:
        optimizer = LayerwiseAdamW(
            learning_rate, multipliers=multipliers, **arguments
        )
    optimizer.exclude_from_weight_decay(var_names=NO_DECAY)
    return optimizer


def readouts() -> list[str]:
    """Returns the names of the readouts that can be trained end to end."""
    return [
        name
        for name in plugins.names(probes.__name__)
        if issubclass(
            plugins.find(probes.__name__, name, probes.Probe), TrainedProbe
        )
    ]


def finetune(
    encoder,
    task,
    readout="attentive",
    optimizer=None,
    schedule="never",
    steps: int = 1000,
    batch_size: int = 32,
    validate_every: int | None = None,
    seed: int = 0,
    verbose: int = 0,
    on_trial=None,
    on_trained=None,
) -> probing.Result:
    """Trains an encoder and a readout on a task, and scores the test split.

    The encoder is changed in place. Nothing is chosen: the validation split
    is only looked at, and what is reported is the last step.

    Args:
        encoder: a `VideoEncoder`.
        task: a `Task`.
        readout: one of `readouts()`, or a `TrainedProbe`, of which the shape
            and the seed count here. Defaults to `"attentive"`.
        optimizer: defaults to `adamw(encoder)`.
        schedule: a `FreezeSchedule` or the name of one: when the blocks of
            the encoder freeze, the embedding with the first. Defaults to
            `"never"`.
        steps: int, updates. Defaults to `1000`.
        batch_size: int, examples per update. Defaults to `32`.
        validate_every: int, in updates, or `None` for a tenth of them.
        seed: int, of the readout's weights and of the batches.
        verbose: int, as for `keras.Model.fit`.
        on_trial: function of each new trial, to show it. Defaults to `None`.
        on_trained: function without arguments, called once the encoder is
            trained and before it is tested, such as one that saves it.
            Defaults to `None`.

    Returns:
        `Result`, with one trial for each look at at most 500 examples of the
        validation split: `step`, the mean `loss` of the steps since the last
        look, `frozen_layers`, and the score.

    Raises:
        ValueError: if something does not fit, or the loss is no number.

    Example:

    ```python
    encoder = VideoEncoder.from_preset("runs/scenes/encoder")
    result = finetune(encoder, evaluation.get("scenes_motion"))
    print(result.metrics["top1"])
    ```
    """
    readout = check(encoder, task, readout, schedule, batch_size, seed)
    train = Features(
        np.asarray,  # clips as they are
        CachedExamples(task.examples("train"), max_bytes=_MAX_BYTES),
    )
    grid = encoder.grid((task.frames, task.size, task.size))
    depths = None
    if task.is_dense:
        depths = train.sample(_MAX_DEPTH_BYTES, _MAX_DEPTHS)
    readout.prepare(grid, task, depths)
    head = readout.build((*grid, encoder.hidden_dim))
    # Of the encoder's precision: float16 has Keras scale the loss.
    model = EncoderWithReadout(encoder, head, dtype=encoder.dtype_policy)
    model.compile(optimizer or adamw(encoder), loss=readout.outputs.loss)
    lock = LayerLock(schedule, layers=encoder.freezable_layers)
    watch = Validation(
        validate_every or max(1, steps // 10),
        steps,
        task,
        readout,
        lock,
        on_trial,
    )
    batches = _batches(train, readout.outputs, batch_size, seed)
    try:
        model.fit(
            batches,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=verbose,
            callbacks=[lock, watch],
        )
    finally:
        batches.close()
    if on_trained is not None:
        on_trained()
    readout.model, readout.trials = head, watch.trials
    layer = encoder.num_layers
    splits = {
        "train": train,
        "validation": watch.answers,
        "test": extraction.compute(encoder, task, layer)["test"],
    }
    return probing.report_test(task, readout, layer, splits)


def check(
    encoder,
    task,
    readout="attentive",
    schedule="never",
    batch_size: int = 1,
    seed: int = 0,
) -> TrainedProbe:
    """Returns the readout, if everything fits together.

    Args:
        encoder, task, readout, schedule, batch_size, seed: as for `finetune`.

    Raises:
        ValueError: if something does not fit.
    """
    check_encoder(encoder)
    readout = probes.get(readout, seed=seed)
    if not isinstance(readout, TrainedProbe):
        raise ValueError(
            f"{type(readout).__name__} is not trained by gradient descent, "
            f"so no encoder can be. Expected one of {readouts()}."
        )
    schedule = schedules.get(schedule)
    if schedule.is_adaptive:
        raise ValueError(
            f"{type(schedule).__name__} needs layers to be compared with "
            "themselves, which only pre-training does. Use a schedule whose "
            "events are known."
        )
    if schedule.max_layers() > encoder.num_layers:
        raise ValueError(
            f"The encoder has {encoder.num_layers} blocks. Received: a "
            f"schedule that freezes {schedule.max_layers()}."
        )
    encoder.grid((task.frames, task.size, task.size))
    readout.check(encoder.hidden_dim)
    count = len(task.examples("train"))
    if batch_size > count:
        raise ValueError(
            f"A batch of {batch_size} is more than the {count} examples to "
            "learn from. Lower `batch_size` (--batch_size)."
        )
    return readout


def check_encoder(encoder):
    """Raises unless an encoder has weights."""
    if not isinstance(encoder, keras.Model):
        raise ValueError(
            f"{type(encoder).__name__} has no weights: there is nothing to "
            "fine-tune. Expected a run, an exported encoder or random:PRESET; "
            "for a floor, judge pixels with recipes/probe.py."
        )


def _batches(train, outputs, batch_size, seed):
    """Yields clips and what the loss compares with; reads ahead."""
    drawn = random_batches(train, batch_size, seed)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = collections.deque(
            pool.submit(next, drawn) for _ in range(_READ_AHEAD)
        )
        while True:
            clips, truth = waiting.popleft().result()
            waiting.append(pool.submit(next, drawn))
            yield clips, outputs.encode(truth)
