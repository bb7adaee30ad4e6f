"""4DS and its readout: npz files against NumPy."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import scaling4d_files as files
from tests.reference import scaling4d as reference

CLIP = (4, 8, 12)
START = "params/layers_0/"


def write(path, *parts):
    np.savez(path, **{k: v for part in parts for k, v in part.items()})
    return path


@pytest.mark.parametrize("start", ["", "params/", START])
def test_features_equal_the_reference(start, tmp_path):
    arrays = files.encoder(start=start)
    path = write(tmp_path / "scaling4d_dist_b.npz", arrays)
    clips = networks.clips(batch=1, shape=CLIP)

    imported = foreign.read(path)

    assert imported.source.family == "scaling4d"
    assert imported.readout is None
    encoder = imported.encoder
    assert encoder.clip_shape == CLIP
    assert encoder.num_heads == files.HEADS
    features = encoder.features(clips)
    wanted = reference.features(arrays, start, files.DEPTH, clips[0])
    assert encoder.layer_names[-1] == f"block_{files.DEPTH}"  # no last norm
    for name, expected in zip(encoder.layer_names, wanted, strict=True):
        networks.assert_close(features[name], expected[None], 1e-4)


def test_the_readout_equals_the_reference(tmp_path):
    """Features are resized before the norm; queries are not projected."""
    trunk, head = files.encoder(start=START), files.readout()
    path = write(tmp_path / "scaling4d_dist_b_depth.npz", trunk, head)
    clips = networks.clips(batch=1, shape=CLIP)
    layers = reference.features(trunk, START, files.DEPTH, clips[0])

    imported = foreign.read(path)
    readout = imported.readout
    features = imported.encoder.features(clips, [readout.layer])

    chosen = reference.layer_of_the_readout(layers)
    networks.assert_close(features[readout.layer], chosen[None], 1e-4)
    expected = reference.read(head, "params/layers_2/", chosen)
    output = readout.network(features[readout.layer])
    networks.assert_close(output, expected[None], 1e-4)


def test_the_released_readout_reads_block_10_of_12(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "DEPTH", 12)
    path = write(
        tmp_path / "depth.npz", files.encoder(start=START), files.readout()
    )

    imported = foreign.read(path)

    assert imported.readout.layer == "block_10"
    assert "a readout of the features 'block_10'" in "\n".join(imported.notes)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"params/encoder/posenc/embeddings": None}, "no array 'params/enc"),
        (
            {"params/processor/layers_1/attention/query_norm/scale": 1.0},
            "Unknown: params/processor/layers_1/attention/query_norm/scale",
        ),
        ({"params/processor/layers_2/mlp_norm/bias": None}, "Missing: "),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message, tmp_path):
    arrays = files.encoder() | change
    path = write(
        tmp_path / "a.npz", {k: v for k, v in arrays.items() if v is not None}
    )

    with pytest.raises(ValueError, match=message):
        foreign.read(path)


@pytest.mark.parametrize("separator", [".", "__"])
def test_names_may_have_another_separator(separator, tmp_path):
    parts = [
        {name.replace("/", separator): value for name, value in part.items()}
        for part in (files.encoder(), files.readout())
    ]
    clips = networks.clips(batch=1, shape=CLIP)

    imported = foreign.read(write(tmp_path / "scaling4d.npz", *parts))

    assert imported.readout is not None
    wanted = reference.features(files.encoder(), "params/", 4, clips[0])
    features = imported.encoder.features(clips, ["block_4"])
    networks.assert_close(features["block_4"], wanted[-1][None], 1e-4)


def test_learned_positions_are_read_for_other_clips(tmp_path):
    path = write(tmp_path / "scaling4d_dist_b.npz", files.encoder())
    own = foreign.read(path).encoder

    larger = foreign.read(path, clip_shape=(4, 16, 24)).encoder

    assert larger.clip_shape == (4, 16, 24)
    clips = networks.clips(batch=1, shape=(4, 16, 24))
    name = own.layer_names[-1]
    networks.assert_close(
        larger.features(clips)[name], networks.numpy(own.features(clips)[name])
    )
