"""Features are computed once, and are those of the encoder."""

import concurrent.futures
import threading

import numpy as np
import pytest

from layerlock.data.streams import DecodingError
from layerlock.evaluation import extraction, features
from tests.evaluation import toys
from tests.models import networks


@pytest.fixture(autouse=True)
def no_calls():
    toys.Encoder.calls = 0


def compute(folder=None, task=None, **arguments):
    task = task or toys.PlantedTask(views=2)
    return extraction.compute(toys.Encoder(), task, 1, folder, **arguments)


def caches(folder):
    """The folders of kept features; a lock lies beside each."""
    return [path for path in folder.iterdir() if path.is_dir()]


def test_kept_features_are_the_computed_ones(tmp_path):
    kept, computed = compute(tmp_path)["test"], compute()["test"]

    for size in (7, 100):
        for a, b in zip(
            kept.batches(size), computed.batches(size), strict=True
        ):
            np.testing.assert_allclose(a[0], b[0], rtol=1e-6)
            np.testing.assert_array_equal(a[1], b[1])
    assert kept.shape == computed.shape == (*toys.GRID, toys.DIM)


def test_they_are_computed_once(tmp_path):
    compute(tmp_path)
    calls = toys.Encoder.calls
    again = compute(tmp_path)

    list(again["train"].batches())

    assert toys.Encoder.calls == calls > 0


def test_what_does_not_fit_is_not_kept_and_that_is_said(tmp_path):
    said = []

    found = compute(tmp_path, max_bytes=1000, print_fn=said.append)["test"]

    assert list(tmp_path.iterdir()) == []
    [sentence] = said
    assert "computed again at each use" in sentence
    values, targets = found.batch([3, 5])
    assert values.shape == (2, 2, *toys.GRID, toys.DIM)
    assert targets.shape == (2,)


def test_half_written_features_are_written_again(tmp_path):
    compute(tmp_path)
    for folder in caches(tmp_path):
        (folder / "facts.json").unlink()
        (folder / "features.npy").write_bytes(b"half")

    found = compute(tmp_path)["test"]

    np.testing.assert_allclose(
        found.batch([0])[0], compute()["test"].batch([0])[0], rtol=1e-6
    )


def test_tasks_do_not_share_features(tmp_path):
    compute(tmp_path, toys.PlantedTask(views=1))
    compute(tmp_path, toys.PlantedTask(views=2))

    assert len(caches(tmp_path)) == 6


def test_progress_is_told(tmp_path):
    told = []
    compute(tmp_path, progress=lambda *facts: told.append(facts))

    assert told[-1] == ("test", 60, 60)
    assert {split for split, *_ in told} == {"train", "validation", "test"}


def test_pooled_features_are_means_over_tokens():
    found = compute()["validation"]

    means, targets = found.pooled()

    values, truth = found.batch(range(40))
    np.testing.assert_allclose(
        means, values.mean(axis=(2, 3, 4)), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(targets, truth)


def test_the_layer_is_the_one_asked_for():
    encoder = networks.small_encoder()
    clips = networks.clips()

    found = extraction.extractor(encoder, 3)(clips)

    expected = encoder.features(clips, layers=["block_3"])["block_3"]
    np.testing.assert_allclose(
        found, networks.numpy(expected), rtol=1e-4, atol=1e-5
    )


def test_what_cannot_be_read_is_no_example_after_a_pass():
    found = features.Features(toys.extract, toys.Brittle(7, 0, dense=False))

    truth = np.concatenate([truth for _, truth in found.batches(size=1)])

    assert len(found) == len(truth) == 4
    for index in range(4):  # what is shown is what was judged
        assert found.batch([index])[1] == truth[index]
        found.views(index)
    assert len(found.problems) == 3


def test_a_split_without_an_example_is_refused():
    broken = features.Features(toys.extract, toys.Brittle(1, 0, dense=False))
    with pytest.raises(DecodingError, match="No example is readable"):
        list(broken.batches())


def test_the_first_examples_may_be_unreadable():
    found = features.Features(toys.extract, toys.Brittle(7, 0, dense=False))
    assert found.shape == (*toys.GRID, toys.DIM)
    assert sum(len(truth) for _, truth in found.batches()) == 4


def test_an_encoder_is_given_few_clips_at_a_time(monkeypatch):
    sizes = []

    def extract(clips):
        sizes.append(len(clips))
        return toys.extract(clips)

    examples = toys.Planted(10, 0, dense=False, views=3)
    expected = features.Features(toys.extract, examples).batch(range(10))
    clip = examples[0][0][0]
    monkeypatch.setattr(features, "_MAX_CLIP_BYTES", 8 * clip.nbytes)
    found = features.Features(extract, examples).batch(range(10))

    assert sizes == [8, 8, 8, 6]
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)


@pytest.mark.parametrize("is_kept", [True, False])
def test_few_examples_are_in_memory_at_a_time(tmp_path, monkeypatch, is_kept):
    task = toys.PlantedTask(views=2)
    folder = tmp_path if is_kept else None
    found = compute(folder, task)["test"]
    each = found.batch([0])[0].nbytes
    if not is_kept:
        each = features._FEATURES_PER_PIXEL * task.examples("test")[0][0].nbytes

    monkeypatch.setattr(features, "_MAX_BYTES", 7 * each)

    assert [len(truth) for _, truth in found.batches()] == [7] * 8 + [4]


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_sample_of_the_targets_is_from_all_over(tmp_path, is_kept):
    task = toys.PlantedTask(dense=True)
    found = compute(tmp_path if is_kept else None, task)["test"]
    toys.Encoder.calls = 0
    depths = task.examples("test").depths

    np.testing.assert_array_equal(found.sample(1e9), depths)
    few = found.sample(3 * depths[0].nbytes)
    np.testing.assert_array_equal(few, depths[[0, 30, 59]])
    assert len(found.sample(1e9, 5)) == 5
    assert toys.Encoder.calls == 0


@pytest.mark.parametrize(
    "name, content",
    [
        ("facts.json", b"{"),
        ("facts.json", b'{"numbers": [10000], "problems": []}'),
        ("facts.json", b'{"numbers": "all", "problems": []}'),
        ("features.npy", b"half"),
        ("targets.npy", b""),
    ],
)
def test_a_damaged_cache_is_computed_again(tmp_path, name, content):
    computed = compute()["test"].pooled()
    compute(tmp_path)
    for folder in caches(tmp_path):
        (folder / name).write_bytes(content)

    again = compute(tmp_path)["test"].pooled()

    np.testing.assert_allclose(again[0], computed[0], rtol=1e-6)
    np.testing.assert_array_equal(again[1], computed[1])


class Once(toys.Brittle):
    """An example that cannot be read at the first time: a disk that stalls."""

    failed = False

    def __getitem__(self, number):
        if number == 1 and not self.failed:
            self.failed = True
            raise DecodingError("stale")
        return super().__getitem__(number)


@pytest.mark.parametrize("is_kept", [False, True])
def test_what_is_read_at_the_second_time_is_an_example(tmp_path, is_kept):
    examples = Once(7, 0, dense=False)
    readable = [n for n in range(7) if _reads(toys.Brittle(7, 0, False), n)]
    assert readable[0] == 1  # the first one that a look at shapes asks for
    folder = tmp_path / "kept" if is_kept else None
    found = features.Features(toys.extract, examples, folder)
    assert found.shape == (*toys.GRID, toys.DIM)

    for _ in range(2):
        truth = [truth for _, truth in found.batches(size=2)]
        assert len(np.concatenate(truth)) == len(found) == len(found.groups)
    assert len(found) == len(readable)


def _reads(examples, number) -> bool:
    try:
        examples[number]
    except DecodingError:
        return False
    return True


@pytest.mark.parametrize("free", [10, "all but targets"])
def test_a_full_disk_is_told_before_it_ends_the_process(
    tmp_path, monkeypatch, free
):
    if free != 10:  # bytes
        compute(tmp_path / "before")
        free = max(
            path.stat().st_size
            for path in tmp_path.glob("before/*/features.npy")
        )
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(features.shutil, "disk_usage", lambda _: usage)

    with pytest.raises(OSError, match="No space left"):
        compute(tmp_path)


def test_two_that_use_one_folder_compute_once(tmp_path):
    at_work, may_go_on = threading.Event(), threading.Event()

    class Slow(toys.Encoder):
        """Waits in the middle of the features."""

        def features(self, clips, **arguments):
            at_work.set()
            may_go_on.wait(20)
            return super().features(clips, **arguments)

    def kept(encoder):
        found = extraction.compute(encoder, toys.PlantedTask(), 1, tmp_path)
        return found["test"].batch([0, 1, 2])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept, Slow())
        assert at_work.wait(20)
        second = pool.submit(kept, toys.Encoder())
        may_go_on.set()
        results = [one.result(60) for one in (first, second)]

    values, targets = compute(None, toys.PlantedTask())["test"].batch([0, 1, 2])
    for found_values, found_targets in results:
        np.testing.assert_allclose(found_values, values, rtol=1e-6)
        np.testing.assert_array_equal(found_targets, targets)
