"""What only some probes do."""

import numpy as np

from tests.conformance.test_probes import judge
from tests.evaluation import toys


def test_only_the_attentive_one_looks_somewhere():
    result = judge(toys.PlantedTask(), "attentive")
    features, _ = result.features["test"].batch([0, 1])

    shown = result.probe.attention(features[:, 0])

    assert shown.shape == (2, *toys.GRID)
    np.testing.assert_allclose(shown.sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    assert judge(toys.PlantedTask(), "linear").probe.attention(features) is None


def test_a_class_that_was_never_seen_gets_no_probability():
    class Lacking(toys.PlantedTask):
        def examples(self, split):
            found = super().examples(split)
            if split == "train":
                found.classes = np.where(found.classes == 2, 1, found.classes)
            return found

    result = judge(Lacking(), "knn")

    assert result.predictions.shape == (60, 4)
    assert not result.predictions[:, 2].any()
