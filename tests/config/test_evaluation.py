"""Options of jobs that judge an encoder."""

import filelock
import pytest

from layerlock.config import FinetuneConfig, OptionError, ProbeConfig
from layerlock.config.evaluation import FEATURES, LOCK, is_left

RANDOM = "random:video_vit_nano"


@pytest.mark.parametrize(
    ("layer", "block"),
    [("3", 3), (3, 3), (" -1", -1), ("1.0", 1.0), (0.5, 0.5)],
)
def test_a_layer_is_a_number_or_a_share(layer, block):
    chosen = ProbeConfig.of(encoder=RANDOM, layer=layer).encoder.block

    assert chosen == block
    assert type(chosen) is type(block)


@pytest.mark.parametrize("layer", ["last", "nan", "inf", "1,2"])
def test_another_layer_is_refused(layer):
    with pytest.raises(OptionError, match=f"`layer`.*Received: {layer}"):
        ProbeConfig.of(encoder=RANDOM, layer=layer).resolve()


def test_results_of_a_floor_get_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    out = ProbeConfig.of(encoder=RANDOM).resolve().results.out

    assert out == "runs/random-video_vit_nano/probes/scenes_motion-attentive"


def test_results_that_are_there_are_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = FinetuneConfig.of(encoder=RANDOM)
    first = tmp_path / config.resolve().results.out
    first.mkdir(parents=True)
    (first / "results.json").touch()

    assert config.resolve().results.out == f"{first.relative_to(tmp_path)}-2"


def test_kept_features_alone_are_no_results(tmp_path):
    (tmp_path / FEATURES).mkdir()
    assert is_left(tmp_path)

    (tmp_path / "results.json").touch()
    assert not is_left(tmp_path)


def test_a_folder_in_which_a_job_works_now_is_not_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ProbeConfig.of(encoder=RANDOM)
    first = config.resolve().results.out
    (tmp_path / first / FEATURES).mkdir(parents=True)

    with filelock.FileLock(tmp_path / first / LOCK):
        assert config.resolve().results.out == f"{first}-2"
    assert config.resolve().results.out == first
