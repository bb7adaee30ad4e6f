"""Trains an encoder and a readout end to end on a task."""

import collections
import concurrent.futures

import keras
import numpy as np

from layerlock import plugins
from layerlock.backends import randomness
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
_MAX_BYTES = 2e9  # of cached clips
# Maps for the mean and the spread of the depth.
_MAX_DEPTHS, _MAX_DEPTH_BYTES = 200, 3e8
_READ_AHEAD = 3  # batches


class EncoderWithReadout(keras.Model):
    """An encoder with a readout of the features of its last layer.

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
        if encoder.output_norm is not None:
            encoder.output_norm.trainable = True  # the readout reads it
        self.readout = readout
        self.built = True  # both are

    def call(self, clips, training=False):
        last = self.encoder.layer_names[-1]
        features = self.encoder.features(clips, [last], training)[last]
        return self.readout(features, training=training)


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
    rate. Norms, biases, positions and queries have no weight decay.

    Args:
        encoder: the `VideoEncoder`.
        learning_rate: float, or a schedule. Defaults to `1e-3`.
        weight_decay: float. Defaults to `0.05`.
        layer_decay: float, above 0 and at most 1, the same rate for all.
            Defaults to `0.75`.
        gradient_clip: float, maximum norm of the gradient; 0 disables
            clipping. Defaults to `1.0`.

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
    callbacks=(),
) -> probing.Result:
    """Trains an encoder and a readout on a task, and scores the test split.

    The encoder is changed in place. The validation split is for monitoring
    only: the result is that of the last step.

    Args:
        encoder: a `VideoEncoder`.
        task: a `Task`.
        readout: one of `readouts()`, or a `TrainedProbe`, whose shape and
            seed are used. Defaults to `"attentive"`.
        optimizer: defaults to `adamw(encoder)`.
        schedule: a `FreezeSchedule` or its name, for the blocks of the
            encoder; the embedding freezes with the first block. Defaults to
            `"never"`.
        steps: int, updates. Defaults to `1000`.
        batch_size: int, examples per update. Defaults to `32`.
        validate_every: int, in updates, or `None` for a tenth of them.
        seed: int, of the readout's weights and of the batches.
        verbose: int, as for `keras.Model.fit`.
        on_trial: function of each new trial. Defaults to `None`.
        on_trained: function without arguments, called after training and
            before the test, for example to save the encoder. Defaults to
            `None`.
        callbacks: further `keras.callbacks.Callback`s, called first.

    Returns:
        `Result`, with one trial per validation on at most 500 examples:
        `step`, the mean `loss` since the last validation, `frozen_layers`,
        and the score.

    Raises:
        ValueError: if the arguments do not fit, or the loss is not finite.

    Example:

    ```python
    encoder = VideoEncoder.from_preset("runs/scenes/encoder")
    result = finetune(encoder, evaluation.get("scenes_motion"))
    print(result.metrics["top1"])
    ```
    """
    readout = check(encoder, task, readout, schedule, batch_size, seed)
    train = Features(
        np.asarray,  # clips instead of features
        CachedExamples(task.examples("train"), max_bytes=_MAX_BYTES),
    )
    grid = encoder.grid((task.frames, task.size, task.size))
    depths = None
    if task.is_dense:
        depths = train.sample(_MAX_DEPTH_BYTES, _MAX_DEPTHS)
    readout.prepare(grid, task, depths)
    head = readout.build((*grid, encoder.hidden_dim))
    # The encoder's precision: with float16 Keras scales the loss.
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
        with randomness.preserved():
            model.fit(
                batches,
                steps_per_epoch=steps,
                shuffle=False,
                verbose=verbose,
                callbacks=[*callbacks, lock, watch],
            )
    finally:
        batches.close()
    if on_trained is not None:
        on_trained()
    readout.model, readout.trials = head, watch.trials
    layer = len(encoder.layer_names) - 1
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
    """Checks the arguments of `finetune`, and returns the readout.

    Args:
        encoder, task, readout, schedule, batch_size, seed: as for `finetune`.

    Raises:
        ValueError: if the arguments do not fit.
    """
    check_encoder(encoder)
    readout = probes.get(readout, seed=seed)
    if not isinstance(readout, TrainedProbe):
        raise ValueError(
            f"{type(readout).__name__} is not trained by gradient descent. "
            f"Expected one of {readouts()}."
        )
    last = encoder.layer_names[-1]
    if readout.trained_on not in (None, last):
        raise ValueError(
            f"The stored readout was trained on {readout.trained_on!r}, and "
            f"fine-tuning reads {last!r}. Leave its `weights` out."
        )
    schedule = schedules.get(schedule)
    if schedule.is_adaptive:
        raise ValueError(
            f"{type(schedule).__name__} is adaptive and needs measurements of "
            "pre-training. Use a schedule with fixed events."
        )
    if schedule.max_layers() > encoder.num_layers:
        raise ValueError(
            f"The encoder has {encoder.num_layers} blocks. Received: a "
            f"schedule that freezes {schedule.max_layers()}."
        )
    encoder.grid((task.frames, task.size, task.size))
    probing.check(readout, task, encoder)
    count = len(task.examples("train"))
    if batch_size > count:
        raise ValueError(
            f"A batch of {batch_size} exceeds the {count} training examples. "
            "Lower `batch_size`."
        )
    return readout


def check_encoder(encoder):
    """Raises unless an encoder has weights."""
    if not isinstance(encoder, keras.Model):
        raise ValueError(
            f"{type(encoder).__name__} has no weights to fine-tune. Expected a "
            "run, an exported encoder or random:PRESET. For the baseline of "
            "raw pixels, use `probe`."
        )


def _batches(train, outputs, batch_size, seed):
    """Yields clips and encoded targets, with prefetching."""
    batches = random_batches(train, batch_size, seed)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = collections.deque(
            pool.submit(next, batches) for _ in range(_READ_AHEAD)
        )
        while True:
            clips, truth = waiting.popleft().result()
            waiting.append(pool.submit(next, batches))
            yield clips, outputs.encode(truth)
