"""The base class of probes on averaged features."""

import abc

import numpy as np

from layerlock.evaluation import scores
from layerlock.evaluation.probes.base import Probe, choose


class PooledProbe(Probe):
    """A classifier of scikit-learn, on features averaged over tokens.

    Features are standardised over the training split.
    """

    @abc.abstractmethod
    def classifiers(self, num_examples: int):
        """Yields settings to try, as a dict, each with its classifier.

        Args:
            num_examples: int, of the training split.
        """

    def fit(self, train, validation, task):
        x, y = train.pooled()
        self.mean = x.mean(axis=(0, 1))
        self.spread = x.std(axis=(0, 1)) + 1e-6
        self.num_classes = len(task.class_names)
        # Every view counts as an example.
        x = self._scaled(x).reshape(-1, x.shape[-1])
        y = y.repeat(len(x) // len(y))
        held_out, truth = validation.pooled()

        def candidates():
            for settings, classifier in self.classifiers(len(train)):
                fitted = classifier.fit(x, y)
                answers = self._answer(fitted, held_out)
                yield settings, fitted, scores.score(task, answers, truth)

        self.fitted, self.trials = choose(candidates(), task, self.on_trial)

    def answer(self, values):
        pooled = values.mean(axis=(2, 3, 4), dtype="float32")
        return self._answer(self.fitted, pooled)

    def _scaled(self, values):
        return (values - self.mean) / self.spread

    def _answer(self, fitted, values):
        """Returns probabilities of all classes, averaged over views."""
        examples, views, dim = values.shape
        probabilities = fitted.predict_proba(
            self._scaled(values).reshape(-1, dim)
        )
        result = np.zeros((len(probabilities), self.num_classes), "float32")
        result[:, fitted.classes_] = probabilities
        return result.reshape(examples, views, -1).mean(axis=1)
