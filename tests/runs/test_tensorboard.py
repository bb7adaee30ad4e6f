import sys

import pytest

from layerlock.runs import tensorboard


class Recorder:
    def __init__(self, path, purge_step):
        self.purge_step = purge_step
        self.scalars = []

    def add_scalar(self, *scalar):
        self.scalars.append(scalar)

    def close(self):
        pass


@pytest.fixture
def writer(monkeypatch):
    tensorboard_x = pytest.importorskip("tensorboardX")
    monkeypatch.setattr(tensorboard_x, "SummaryWriter", Recorder)
    return tensorboard.scalar_writer("unused", purge_step=21)


def test_numbers_are_written_under_grouped_tags(writer):
    writer.write({"step": 30, "loss": 0.5, "flops": 7, "custom": 1.0})

    assert writer._writer.scalars == [
        ("learning/loss", 0.5, 30),
        ("cost/flops", 7.0, 30),
        ("other/custom", 1.0, 30),
    ]


def test_what_is_not_a_finite_number_is_left_out(writer):
    writer.write({"step": 1, "loss": float("nan"), "target_layer": None})

    assert writer._writer.scalars == []


def test_numbers_of_each_block_are_written_one_by_one(writer):
    writer.write(
        {
            "step": 30,
            "weight_norms": [1.0, float("nan"), 3.0],
            "weight_norm_rates": None,
            "cka": [0.5],
            "verdict": "healthy",
        }
    )

    assert writer._writer.scalars == [
        ("layers/weight_norm_1", 1.0, 30),
        ("layers/weight_norm_3", 3.0, 30),
        ("layers/cka_1", 0.5, 30),
    ]


@pytest.mark.parametrize(
    "tag",
    [
        "collapse/feature_std_min",
        "collapse/raw_feature_std",
        "collapse/clip_cosine",
        "learning/prediction_cosine",
        "freezing/teacher_jump",
        "cost/monitor_seconds",
    ],
)
def test_what_monitors_measure_has_a_group(tag):
    assert tensorboard.tag(tag.split("/")[1]) == tag


def test_a_resume_purges_what_was_written_ahead(writer):
    assert writer._writer.purge_step == 21


def test_event_files_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    writer = tensorboard.scalar_writer(tmp_path)

    writer.write({"step": 1, "loss": 0.5})
    writer.close()

    (file,) = tmp_path.glob("events.*")
    assert b"learning/loss" in file.read_bytes()


def test_without_tensorboardx_one_warning_and_no_files(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)

    with pytest.warns(UserWarning, match=r"layerlock\[report\]"):
        writer = tensorboard.scalar_writer(tmp_path)
    writer.write({"step": 1, "loss": 0.5})
    writer.close()

    assert list(tmp_path.iterdir()) == []
