"""What probes that are trained by gradient descent share."""

import abc

import keras
import numpy as np
from keras import ops

from layerlock.core.learning_rate import WarmupCosine
from layerlock.evaluation.probes._depth_blocks import DepthBlocks
from layerlock.evaluation.probes.base import Probe, choose


class TrainedProbe(Probe):
    """A readout trained with AdamW, once per learning rate.

    Args:
        learning_rates: tuple of floats, to choose from.
        steps: int, updates at each of them.
        batch_size: int, examples per update. Defaults to `None`: 64, or 16
            where every pixel is a target.
        weight_decay: float, of AdamW.
        seed: int, of weights and batches.
        verbose: int, as for `keras.Model.fit`.
    """

    is_dense = True

    def __init__(
        self,
        learning_rates: tuple[float, ...] = (3e-3, 1e-2),
        steps: int = 1000,
        batch_size: int | None = None,
        weight_decay: float = 1e-4,
        seed: int = 0,
        verbose: int = 0,
    ):
        self.learning_rates = tuple(learning_rates)
        self.steps = steps
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed
        self.verbose = verbose
        self.blocks = None

    @abc.abstractmethod
    def readout(self, width, output_dim, num_queries, task):
        """Returns a new readout for features of a width."""

    @abc.abstractmethod
    def block(self, features, task) -> tuple:
        """Returns the block of pixels that one query of a dense task sees."""

    def fit(self, train, validation, task):
        if task.is_dense:
            clip_shape = (task.frames, task.size, task.size)
            depths = np.concatenate([truth for _, truth in train.batches()])
            block = self.block(train, task)
            self.blocks = DepthBlocks(block, clip_shape, depths)
        truth = np.concatenate([truth for _, truth in validation.batches()])

        def candidates():
            for rate in self.learning_rates:
                model = self._train(train, task, rate)
                predictions = self._predict(model, validation)
                yield {"learning_rate": rate}, model, predictions

        self.model, self.trials = choose(candidates(), truth, task)

    def predict(self, features) -> np.ndarray:
        return self._predict(self.model, features)

    def get_config(self):
        return {
            "learning_rates": list(self.learning_rates),
            "steps": self.steps,
            "batch_size": self.batch_size,
            "weight_decay": self.weight_decay,
            "seed": self.seed,
        }

    def _train(self, train, task, rate):
        keras.utils.set_random_seed(self.seed)
        width = train.shape[-1]
        if self.blocks is None:
            readout = self.readout(width, len(task.class_names), 1, task)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        else:
            readout = self.readout(
                width,
                self.blocks.values_per_block,
                self.blocks.num_blocks,
                task,
            )
            loss = known_error
        inputs = keras.Input(train.shape)
        outputs = readout(inputs)
        if self.blocks is None:
            outputs = outputs[:, 0]
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.AdamW(
                WarmupCosine(rate, self.steps, self.steps // 20),
                weight_decay=self.weight_decay,
                clipnorm=1.0,
            ),
            loss=loss,
        )
        model.fit(
            self._draw(train),
            steps_per_epoch=self.steps,
            shuffle=False,
            verbose=self.verbose,
        )
        return model

    def _draw(self, train):
        """Yields batches of random examples, one random view of each."""
        draw = np.random.default_rng(self.seed)
        size = self.batch_size or (64 if self.blocks is None else 16)
        size = min(size, len(train))
        while True:
            order = draw.permutation(len(train))
            for start in range(0, len(order) - size + 1, size):
                values, truth = train.batch(
                    np.sort(order[start : start + size])
                )
                view = draw.integers(values.shape[1], size=len(values))
                values = values[np.arange(len(values)), view]
                yield (
                    values,
                    truth if self.blocks is None else self.blocks.cut(truth),
                )

    def _predict(self, model, features):
        found = []
        for values, _ in features.batches():
            views = values.reshape(-1, *values.shape[2:])
            outputs = ops.convert_to_numpy(model.predict_on_batch(views))
            if self.blocks is None:
                outputs = _softmax(outputs)
            else:
                outputs = self.blocks.join(outputs)
            outputs = outputs.reshape(*values.shape[:2], *outputs.shape[1:])
            found.append(outputs.mean(axis=1))
        return np.concatenate(found)


@keras.saving.register_keras_serializable("layerlock")
def known_error(truth, predicted):
    """Mean absolute error where the truth is known, that is not NaN."""
    known = ops.logical_not(ops.isnan(truth))
    error = ops.abs(ops.where(known, truth, predicted) - predicted)
    return ops.sum(error) / ops.maximum(
        ops.sum(ops.cast(known, error.dtype)), 1.0
    )


def _softmax(logits):
    logits = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return logits / logits.sum(axis=-1, keepdims=True)
