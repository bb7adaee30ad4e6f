"""What every data source must do. A new file in the folder is found."""

import pickle

import numpy as np
import pytest

from layerlock import plugins
from layerlock.data import packing
from layerlock.data.source import VideoSource

INDICES = (0, 1, 5)
# The fixture with the place that a source reads, if not a folder of videos.
PLACES = {"shards": "packed", "mixture": "mixed"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder with two short videos, for the sources that read files."""
    av = pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    for name in ("one.mp4", "two.mp4"):
        with av.open(folder / name, "w") as container:
            stream = container.add_stream("mpeg4", rate=12)
            stream.width, stream.height = 64, 48
            for _ in range(24):
                image = rng.integers(0, 256, (48, 64, 3), dtype="uint8")
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return folder


@pytest.fixture(scope="module")
def packed(videos, tmp_path_factory):
    """The same videos in shards."""
    folder = tmp_path_factory.mktemp("packed")
    packing.pack(videos, folder, num_shards=2)
    return folder


@pytest.fixture(scope="module")
def mixed(videos, packed):
    """A mixture of videos, shards and scenes."""
    return f"videos:2={videos},packed:1={packed},scenes:1=scenes"


@pytest.fixture(params=plugins.names("layerlock.data.sources"))
def build(request):
    """Builds a source of one kind from `frames`, `size` and `seed`."""
    source = plugins.find("layerlock.data.sources", request.param, VideoSource)
    if "path" in plugins.argument_names(source):
        place = request.getfixturevalue(PLACES.get(request.param, "videos"))
        return lambda **arguments: source(place, **arguments)
    return source


def assert_same(one, other):
    (clip, labels), (other_clip, other_labels) = one, other
    np.testing.assert_array_equal(clip, other_clip)
    assert labels.keys() == other_labels.keys()
    for name, value in labels.items():
        np.testing.assert_array_equal(value, other_labels[name])


@pytest.mark.parametrize("frames, size", [(4, 32), (7, 16)])
def test_clips_have_the_size_that_was_asked_for(build, frames, size):
    source = build(frames=frames, size=size)

    clip, labels = source[0]

    assert clip.shape == (frames, size, size, 3)
    assert clip.dtype == "uint8"
    assert isinstance(labels, dict)
    for value in labels.values():
        assert isinstance(value, int | np.ndarray)


def test_a_clip_is_a_pure_function_of_seed_and_index(build):
    source, again = build(seed=3), build(seed=3)

    forwards = [source[index] for index in INDICES]
    backwards = [again[index] for index in INDICES[::-1]][::-1]

    for one, other in zip(forwards, backwards, strict=True):
        assert_same(one, other)


def test_a_copy_in_another_process_reads_the_same(build):
    source = build(seed=3)

    copy = pickle.loads(pickle.dumps(source))

    assert len(copy) == len(source)
    for index in INDICES:
        assert_same(copy[index], source[index])


@pytest.mark.parametrize("other", [{"seed": 4}, {"index": 1}])
def test_other_seeds_and_indices_give_other_clips(build, other):
    place = {"seed": 3, "index": 0} | other

    clip, _ = build(seed=3)[0]
    changed, _ = build(seed=place["seed"])[place["index"]]

    assert (clip != changed).any()


def test_every_index_is_allowed_also_beyond_the_end(build):
    source = build(seed=3)

    far = len(source) + 1_000_003

    assert len(source) >= 1
    assert source[far][0].shape == source[0][0].shape
    assert isinstance(source.name(far), str)


def test_the_clip_alone_is_the_same_clip(build):
    source = build(seed=3)

    for index in INDICES:
        np.testing.assert_array_equal(source.clip(index), source[index][0])


def test_integer_labels_have_names(build):
    source = build(seed=3)

    for name, names in source.class_names.items():
        for index in INDICES:
            assert 0 <= source[index][1][name] < len(names)
