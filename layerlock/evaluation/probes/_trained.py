"""The base class of probes that are trained by gradient descent."""

import abc
import math

import keras
import numpy as np
from keras import ops

from layerlock.backends import randomness
from layerlock.core.freezing.learning_rate import WarmupCosine
from layerlock.evaluation import scores
from layerlock.evaluation.outputs import Classes, DepthBlocks, Outputs
from layerlock.evaluation.probes._stored import Start
from layerlock.evaluation.probes.base import Probe, choose, positive
from layerlock.evaluation.random_batches import random_batches

BLOCK = (2, 8, 8)  # pixels per query, if they divide the clip
_MAX_DEPTH_BYTES = 3e8  # of maps, for the mean and the spread of the depth


class TrainedProbe(Probe):
    """A readout trained with AdamW, once per learning rate.

    The first task decides the defaults, so use an instance for tasks of one
    kind only.

    Args:
        learning_rates: tuple of floats, the candidates. Defaults to `None`:
            the probe's `rates`, or its `dense_rates` for a dense task.
        steps: int, updates at each rate. Defaults to `None`: 2000, or 1000
            for a dense task.
        batch_size: int, examples per update. Defaults to `None`: 64, or 16
            for a dense task.
        weight_decay: float, of AdamW. Defaults to `1e-4`.
        seed: int, of weights and batches. Defaults to `0`.
        verbose: int, as for `keras.Model.fit`. Defaults to `0`.
    """

    is_dense = True
    callbacks = ()
    start = None
    rates = (3e-3, 1e-2)
    dense_rates = (3e-3, 1e-2)

    def __init__(
        self,
        learning_rates: tuple[float, ...] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        weight_decay: float = 1e-4,
        seed: int = 0,
        verbose: int = 0,
    ):
        for name, number in (("steps", steps), ("batch_size", batch_size)):
            if number is not None:
                positive(name, number, int)
        if learning_rates is not None:
            learning_rates = positive("learning_rates", learning_rates)
        self.learning_rates = learning_rates
        self.steps = steps
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed
        self.verbose = verbose

    def start_from(self, folder, kind, steps):
        """Makes a stored readout the start of every training.

        Args:
            folder: str, of an import with a readout; `None`: no start.
            kind: class of the readouts of this probe.
            steps: int or `None`, as for the constructor; 0 is allowed, too.
        """
        self.weights = folder
        if folder is not None:
            self.start, self.steps = Start(folder, kind), steps

    @property
    def note(self):
        """What became of the head of a stored readout."""
        return self.start.note if self.start else ""

    @property
    def trained_on(self):
        return self.start and self.start.layer

    @abc.abstractmethod
    def readout(self, width: int, outputs: Outputs):
        """Returns a new readout for features of a width."""

    def block(self, grid, task) -> tuple:
        """Returns the block of pixels of one query of a dense task.

        Args:
            grid: tuple of 3 ints, frames, rows and columns of the features.
            task: the `Task`.
        """
        sizes = (task.frames, task.size, task.size)
        return tuple(map(math.gcd, sizes, BLOCK))

    def prepare(self, grid, task, depths=None):
        """Sets the outputs of the readout, and defaults for the task.

        Args:
            grid: tuple of 3 ints, frames, rows and columns of the features.
            task: the `Task`.
            depths: training maps of a dense task, NaN where unknown.
        """
        if task.is_dense:
            clip_shape = (task.frames, task.size, task.size)
            block = self.block(grid, task)
            self.outputs = DepthBlocks(block, clip_shape, depths)
        else:
            self.outputs = Classes(len(task.class_names))
        self._task = task
        dense = task.is_dense
        rates = self.dense_rates if dense else self.rates
        self.learning_rates = self.learning_rates or rates
        if self.steps is None:
            self.steps = 1000 if dense else 2000
        self.batch_size = self.batch_size or (16 if dense else 64)

    def build(self, shape):
        """Returns a new model of the readout.

        Args:
            shape: of the features of a clip, `(frames, rows, columns, dim)`.
        """
        with randomness.seeded(self.seed):
            inputs = keras.Input(shape)
            if self.start:
                readout = self.start.build(self.outputs)
            else:
                readout = self.readout(shape[-1], self.outputs)
            model = keras.Model(inputs, readout(inputs), name="readout")
        if self.start:
            self.start.fill(readout, self._task, is_final=not self.steps)
        return model

    def fit(self, train, validation, task):
        with randomness.preserved():
            self._fit(train, validation, task)

    def _fit(self, train, validation, task):
        depths = train.sample(_MAX_DEPTH_BYTES) if task.is_dense else None
        self.prepare(train.shape[:3], task, depths)

        def candidates():
            rates = self.learning_rates if self.steps else (0.0,)
            for number, rate in enumerate(rates):
                callbacks = () if number else self.callbacks
                model = self._train(train, rate, callbacks)
                results = scores.score_all(
                    task,
                    lambda values, model=model: self._answer(model, values),
                    validation,
                )
                yield {"learning_rate": rate}, model, results

        self.model, self.trials = choose(candidates(), task, self.on_trial)

    def answer(self, values):
        return self._answer(self.model, values)

    def get_config(self):
        rates = self.learning_rates
        return {
            "learning_rates": rates and list(rates),
            "steps": self.steps,
            "batch_size": self.batch_size,
            "weight_decay": self.weight_decay,
            "seed": self.seed,
        }

    def _train(self, train, rate, callbacks):
        model = self.build(train.shape)
        if not self.steps:
            return model
        model.compile(
            keras.optimizers.AdamW(
                WarmupCosine(rate, self.steps, self.steps // 20),
                weight_decay=self.weight_decay,
                clipnorm=1.0,
            ),
            loss=self.outputs.loss,
        )
        model.fit(
            self._batches(train),
            steps_per_epoch=self.steps,
            shuffle=False,
            verbose=self.verbose,
            callbacks=list(callbacks),
        )
        return model

    def _batches(self, train):
        """Yields batches of random examples, one random view of each."""
        for values, truth in random_batches(train, self.batch_size, self.seed):
            yield values, self.outputs.encode(truth)

    def _answer(self, model, values):
        views = values.reshape(-1, *values.shape[2:])
        answers = np.concatenate(
            [
                self.outputs.decode(
                    ops.convert_to_numpy(
                        model.predict_on_batch(
                            views[start : start + self.batch_size]
                        )
                    )
                )
                for start in range(0, len(views), self.batch_size)
            ]
        )
        answers = answers.reshape(*values.shape[:2], *answers.shape[1:])
        return answers.mean(axis=1)
