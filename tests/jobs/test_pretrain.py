"""A pre-training run as a function call."""

import keras
import pytest

import layerlock
from layerlock.jobs.job import JobError
from layerlock.jobs.pretraining import callbacks
from layerlock.runs import lock
from tests.recipes.conftest import small as small

pytest.importorskip("grain")
TINY = {"steps": 3, "batch_size": 2, "log_every": 1, "track": ()}


@pytest.fixture(scope="module")
def encoder(small):
    return small[0].removeprefix("--init_from=")


@pytest.fixture(scope="module")
def run(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a"
    return layerlock.pretrain(
        **TINY,
        init_from=encoder,
        run_dir=folder,
        mask=layerlock.RandomMask(0.5),
    )


def test_metrics_encoder_and_report_are_within_reach(run):
    assert [line["step"] for line in run.metrics] == [1, 2, 3]
    assert run.metrics[-1]["loss"] > 0
    assert run.encoder.num_layers == 4
    assert run.config["flags"]["steps"] == 3


def test_features_are_probed_at_the_last_step_too(
    encoder, tmp_path, monkeypatch
):
    received = {}

    def stop(*arguments, **keywords):
        received.update(keywords)
        raise RuntimeError("That is enough.")

    monkeypatch.setattr(callbacks, "FeatureProbe", stop)
    with pytest.raises(RuntimeError, match="enough"):
        layerlock.pretrain(
            **TINY, init_from=encoder, run_dir=tmp_path / "run", probe_every=2
        )

    assert received["last_step"] == 3


def test_a_plug_in_that_is_an_instance_is_recorded(run):
    recorded = run.config["flags"]["mask"]

    assert recorded["class"].endswith("random.RandomMask")
    assert recorded["config"] == {"ratio": 0.5}


def test_a_resume_takes_the_same_instance_alone(run):
    options = {"run_dir": run.path, "resume": True}

    again = layerlock.pretrain(mask=layerlock.RandomMask(0.5), **options)
    assert again.metrics == run.metrics

    with pytest.raises(ValueError, match="mask: "):
        layerlock.pretrain(mask=layerlock.RandomMask(0.6), **options)


def test_a_second_run_does_not_take_the_folder_of_the_first(run, encoder):
    with pytest.raises(ValueError, match="The folder is not empty"):
        layerlock.pretrain(**TINY, init_from=encoder, run_dir=run.path)


def test_a_run_that_ends_early_says_why_and_gives_up_its_lock(
    tmp_path, encoder
):
    with pytest.raises(JobError, match="loss"):
        layerlock.pretrain(
            **{**TINY, "steps": 40},
            init_from=encoder,
            run_dir=tmp_path / "run",
            learning_rate=1e30,
            gradient_clip=0.0,
            warmup_steps=0,
        )

    assert (tmp_path / "run").resolve() not in lock._held
    assert (tmp_path / "run" / "failure.json").exists()


def test_no_distribution_is_left_behind(run):
    if keras.backend.backend() == "jax":
        assert keras.distribution.distribution() is None


def test_steps_can_be_traced(encoder, tmp_path):
    layerlock.pretrain(
        **{**TINY, "steps": 15, "log_every": 15, "checkpoint_every": 15},
        init_from=encoder,
        run_dir=tmp_path / "run",
        trace=tmp_path / "trace",
    )

    files = [path for path in (tmp_path / "trace").rglob("*") if path.is_file()]
    assert files


def test_a_trace_that_cannot_be_written_is_refused_at_the_start(
    encoder, tmp_path
):
    (tmp_path / "file").touch()

    with pytest.raises(ValueError, match="`trace` is a folder"):
        layerlock.pretrain(
            **{**TINY, "steps": 15},
            init_from=encoder,
            run_dir=tmp_path / "run",
            trace=tmp_path / "file" / "inside",
        )

    assert not (tmp_path / "run").exists()


def test_a_run_that_is_shorter_than_its_trace_is_refused(encoder, tmp_path):
    with pytest.raises(ValueError, match="`trace` records.*Received: 3 batch"):
        layerlock.pretrain(
            **TINY,
            init_from=encoder,
            run_dir=tmp_path / "run",
            trace=tmp_path / "trace",
        )
