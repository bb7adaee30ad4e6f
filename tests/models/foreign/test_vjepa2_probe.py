"""Meta's attentive probes, which have no encoder, against NumPy."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, vjepa_files
from tests.reference import vjepa

torch = pytest.importorskip("torch")


def tensors(arrays):
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def encoder(width=48):
    return networks.small_encoder(
        hidden_dim=width, num_heads=3, final_norm=True
    )


def assert_logits(readout, weights, heads):
    features = np.random.default_rng(0).normal(size=(2, 2, 2, 2, 48))
    features = features.astype("float32")
    weights = {k.removeprefix("module."): v for k, v in weights.items()}

    logits = readout.network(features)

    expected = [
        vjepa.probe(weights, heads, clip.reshape(-1, 48)) for clip in features
    ]
    networks.assert_close(logits[:, 0], np.stack(expected), 1e-4)


@pytest.mark.parametrize("heads", [None, 4])
def test_a_probe_of_v_jepa_2_equals_the_reference(tmp_path, heads):
    """It has 16 heads, however many the encoder has."""
    first, second = (vjepa_files.probe(seed) for seed in (0, 1))
    torch.save(
        {
            "classifiers": [tensors(first), tensors(second)],
            "opt": [{"state": {0: {"exp_avg": torch.ones(2)}}}, {}],
            "scaler": None,
            "epoch": 20,
            "batch_size": 4,
            "world_size": 64,
        },
        tmp_path / "ssv2.pt",
    )

    readout, notes = foreign.read_readout(
        tmp_path / "ssv2.pt", encoder(), heads
    )

    assert readout.layer == "final_norm"
    assert_logits(readout, first, heads or 16)
    assert any("classifiers/1/* (27 arrays) left out" in n for n in notes)


def test_a_probe_of_the_first_v_jepa_equals_the_reference(tmp_path):
    """It has the heads of the encoder, and a map that is never used."""
    weights = vjepa_files.probe(0, depth=1)
    generator = np.random.default_rng(1)
    name = "module.pooler.cross_attention_block.xattn.proj"
    unused = vjepa_files.linear(generator, name, 48, 48)
    files.write_pt(
        tmp_path / "k400.pth.tar", {"classifier": weights | unused}, epoch=20
    )

    readout, notes = foreign.read_readout(tmp_path / "k400.pth.tar", encoder())

    assert_logits(readout, weights, 3)
    assert any("the original does not use it" in note for note in notes)


@pytest.mark.parametrize(
    "change, width, message",
    [
        ({}, 24, "reads features 48 wide by 1 queries"),
        ({"module.pooler.query_tokens": None}, 48, "no attentive probe"),
        ({"module.linear.weight": None}, 48, "a verb, a noun and an action"),
        ({"module.other": np.ones(3)}, 48, "Unknown: classifiers/0/module.ot"),
        ({"module.linear.bias": None}, 48, "Missing: classifiers/0/module.lin"),
    ],
)
def test_what_is_no_probe_of_the_encoder_is_refused(
    tmp_path, change, width, message
):
    weights = vjepa_files.probe(0) | change
    weights = {k: v for k, v in weights.items() if v is not None}
    torch.save({"classifiers": [tensors(weights)]}, tmp_path / "a.pt")

    with pytest.raises(ValueError, match=message):
        foreign.read_readout(tmp_path / "a.pt", encoder(width))


def test_an_encoder_without_a_last_norm_is_refused(tmp_path):
    with pytest.raises(ValueError, match="after the last norm"):
        foreign.read_readout(tmp_path, networks.small_encoder())


def test_a_probe_with_blocks_behind_its_attention_is_refused(tmp_path):
    """The code of the first V-JEPA has them there, and not before it."""
    files.write_pt(
        tmp_path / "k400.pth.tar", {"classifier": vjepa_files.probe(0)}, epoch=1
    )

    with pytest.raises(ValueError, match="behind its cross-attention"):
        foreign.read_readout(tmp_path / "k400.pth.tar", encoder())
