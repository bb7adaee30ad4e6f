"""An SVM on frozen features: all tokens in order, or means of them.

    KERAS_BACKEND=jax python benchmarks/ordered_svm.py \\
        --encoder=pixels:video_vit_nano --task=folder --data=/clips \\
        --pool=ordered --out=runs/svm/probe.json

Features are those that `layerlock probe` reads. `ordered` keeps every token,
`moments` the mean over rows and columns of each moment, `mean` the mean over
all tokens. Principal components of the training split, then an SVM with a
radial kernel, whose penalty the validation split chooses. --out is a JSON file;
a folder of the same name has the report.
"""

import json
import pathlib
import sys

import numpy as np
from scipy import special
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import layerlock
from layerlock.cli import flags
from layerlock.config import ProbeConfig
from layerlock.evaluation import scores
from layerlock.evaluation.probes.base import Probe, choose

POOLS = ("ordered", "moments", "mean")
COMPONENTS = 200
PENALTIES = (1.0, 10.0)


class OrderedSVM(Probe):
    """A support vector machine on features in their order.

    Args:
        pool: one of `POOLS`.
    """

    def __init__(self, pool: str):
        self.pool = pool

    def fit(self, train, validation, task):
        self.num_classes = len(task.class_names)
        x, y = self._all(train)
        held_out, truth = self._all(validation)
        y = y.repeat(x.shape[1])
        x = x.reshape(-1, x.shape[-1])
        number = min(COMPONENTS, *x.shape)

        def candidates():
            for penalty in PENALTIES:
                svm = make_pipeline(
                    StandardScaler(),
                    PCA(number, random_state=0),
                    SVC(C=penalty),
                ).fit(x, y)
                answers = self._answer(svm, held_out)
                yield (
                    {"penalty": penalty},
                    svm,
                    scores.score(task, answers, truth),
                )

        self.svm, self.trials = choose(candidates(), task, self.on_trial)

    def answer(self, values):
        return self._answer(self.svm, self._pooled(values))

    def get_config(self):
        return {"pool": self.pool}

    def _all(self, features):
        """Every clip of a split, `(examples, views, values)`, and targets."""
        batches = [
            (self._pooled(values), truth)
            for values, truth in features.batches()
        ]
        return tuple(map(np.concatenate, zip(*batches, strict=True)))

    def _pooled(self, values):
        if self.pool == "moments":
            values = values.mean(axis=(3, 4))
        if self.pool == "mean":
            values = values.mean(axis=(2, 3, 4))
        return values.reshape(*values.shape[:2], -1).astype("float32")

    def _answer(self, svm, values):
        """Shares of the classes, averaged over views."""
        examples, views, dim = values.shape
        votes = svm.decision_function(values.reshape(-1, dim))
        if votes.ndim == 1:  # two classes
            votes = np.stack([-votes, votes], axis=1)
        result = np.zeros((len(votes), self.num_classes), "float32")
        result[:, svm.classes_] = special.softmax(votes, axis=-1)
        return result.reshape(examples, views, -1).mean(axis=1)


def main(argv):
    """Reads, and writes one number."""
    own = dict(
        word.removeprefix("--").split("=", 1)
        for word in argv[1:]
        if word.startswith(("--pool=", "--out="))
    )
    words = [word for word in argv[1:] if word[2:].split("=")[0] not in own]
    if own.get("pool") not in POOLS or "out" not in own:
        sys.exit(
            f"ordered_svm: --pool is one of {', '.join(POOLS)}, and --out a "
            f"JSON file. Received: {own}."
        )
    out = pathlib.Path(own["out"])
    config = flags.parse(ProbeConfig, words).but(
        readout=OrderedSVM(own["pool"]), out=str(out.with_suffix(""))
    )
    judgement = layerlock.probe(config)
    out.write_text(json.dumps({"metrics": judgement.metrics}))


if __name__ == "__main__":
    main(sys.argv)
