"""A probe's answers beside the truth."""

import numpy as np

from layerlock.evaluation import answers


def test_rows_of_a_confusion_matrix_are_shares_of_a_true_class():
    scores = np.eye(3)[[0, 0, 1, 1]]  # answers 0, 0, 1, 1
    truth = np.array([0, 0, 0, 1])

    found = answers.confusion(scores, truth, num_classes=3)

    expected = [[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 0, 0]]  # nothing is a 2
    np.testing.assert_allclose(found, expected)
