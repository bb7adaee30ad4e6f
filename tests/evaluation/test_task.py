"""What tasks share: the names of splits, and sentences about problems."""

import pytest

from layerlock.evaluation import task


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="Unknown split 'dev'.*'validation'"):
        task.check_split("dev")


def test_what_is_wrong_is_counted_and_the_first_are_named():
    [sentence] = task.name_some("videos have no label", map(str, range(9)))
    assert sentence == "9 videos have no label: 0, 1, 2, 3, 4 and 4 more."
    assert task.name_some("videos have no label", set()) == []
