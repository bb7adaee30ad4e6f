"""What every source of clips has, unless it says otherwise."""

import numpy as np
import pytest

from layerlock.data.source import VideoSource, check_geometry


class Black(VideoSource):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.zeros((2, 4, 4, 3), "uint8"), {"index": index}


@pytest.mark.parametrize(
    "frames, size", [(0, 32), (8, -1), (2.5, 32), (8, True)]
)
def test_clips_without_a_whole_size_are_refused(frames, size):
    with pytest.raises(ValueError, match="whole number of at least 1"):
        check_geometry(frames, size)


def test_a_source_of_no_files_names_its_clips_by_number():
    source = Black()

    assert source.name(2) == "clip 2"
    assert source.class_names == {}
    assert source.describe_files() is None
