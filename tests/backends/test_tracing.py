"""A trace is a file of its own, with the steps that were named."""

import gzip

import keras
import pytest

from layerlock import backends

ENDINGS = {
    "jax": "*.xplane.pb",
    "tensorflow": "*.xplane.pb",
    "torch": "*.pt.trace.json.gz",
}


def record(folder, number):
    with backends.tracing(folder), backends.named_step(number):
        keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.ones((8, 8))))


def test_each_trace_has_the_name_of_its_step(tmp_path):
    for number in (10, 1234):
        record(tmp_path, number)

    files = sorted(
        tmp_path.rglob(ENDINGS[keras.backend.backend()]),
        key=lambda path: path.stat().st_mtime_ns,
    )
    assert len(files) == 2  # the second did not replace the first
    contents = [path.read_bytes() for path in files]
    if keras.backend.backend() == "torch":
        contents = list(map(gzip.decompress, contents))
    for content, number in zip(contents, (10, 1234), strict=True):
        assert f"step {number}".encode() in content


def test_an_error_inside_ends_the_trace(tmp_path):
    with pytest.raises(RuntimeError, match="of the step"):
        with backends.tracing(tmp_path):
            raise RuntimeError("of the step")

    record(tmp_path, 1)  # a profiler that still runs would refuse
