import numpy as np
import pytest

from layerlock.report import appendix, strips
from layerlock.report.history import History
from layerlock.runs import pictures
from tests.runs import synthetic

FILES = {
    "files": [{"path": "good.mp4"}],
    "unreadable": [
        {"path": "<script>alert(1)</script>.mp4", "reason": "no <moov>"}
    ],
    "replaced_clips": 12,
    "short_clips": 3,
}


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("matplotlib")
    return synthetic.synthetic_run(tmp_path / "run", [])


def test_unreadable_files_are_listed_with_their_names_escaped():
    section = appendix.files(FILES)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;.mp4" in section
    assert "no &lt;moov&gt;" in section
    assert "<script" not in section


def test_replaced_and_short_clips_are_counted():
    section = appendix.files(FILES)

    assert "unreadable: 12<" in section
    assert "last frame: 3<" in section


def test_procedural_data_have_no_list_of_files():
    assert appendix.files(None) is None


def test_a_list_without_counts_is_shown():
    assert "files: 1<" in appendix.files({"files": [{"path": "a.mp4"}]})


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (5, 16, 240, 320)])
def test_pictures_of_any_size_are_shown(run, shape):
    video = np.zeros((*shape, 3), "uint8")
    pictures.save_reconstruction(run, video, video, video, step=1)

    section = appendix.images(run, History([]))

    assert section.count("<img") == 3 * min(shape[0], strips.MAX_CLIPS)


def test_pictures_from_before_the_last_target_say_so(run):
    synthetic.add_pictures(run)

    section = appendix.images(run, History(synthetic.metrics_lines()))

    assert "moved on to latent targets" in section


def test_features_of_another_grid_are_shown(run):
    features = np.random.default_rng(0).normal(size=(2, 3, 5, 6, 4))
    pictures.save_features(run, synthetic.clips(), features, "block_2", 7)

    section = appendix.images(run, History([]))

    assert "<code>block_2</code> at step 7," in section
    assert section.count("<img") == 2 * 2
