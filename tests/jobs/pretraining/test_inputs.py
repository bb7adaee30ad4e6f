"""The clips of a run, and what is said about them."""

import shutil

import numpy as np
import pytest

from layerlock import data
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.jobs.pretraining import inputs
from tests.core.freezing import dropped_gradients as freezing
from tests.evaluation import layouts
from tests.recipes import running

pytest.importorskip("av")


@pytest.fixture
def videos(tmp_path):
    """Training videos, held-out ones, and one that is in both."""
    for name, count in (("train", 3), ("held_out", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            layouts.write(tmp_path / name / f"{number}.mp4", count=8)
    shutil.copy(tmp_path / "train" / "1.mp4", tmp_path / "held_out" / "x.mp4")
    return tmp_path


def open_clips(videos, validation):
    flags = [f"--data={videos / 'train'}", f"--validation={validation}"]
    config = running.configure("pretrain", *flags).resolve()
    return inputs.open_clips(config, videos)


def test_a_mixture_names_its_sources_and_their_shares(videos, capsys):
    spec = f"many:3={videos}/train,few:1={videos}/held_out"
    config = running.configure("pretrain", f"--data={spec}").resolve()

    clips = inputs.open_clips(config, videos)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("6 videos, 0 of them unreadable")
    assert lines[1:] == [
        "  many: 3 clips, 75.0% of those read.",
        "  few: 3 clips, 25.0% of those read.",
    ]
    assert len(clips.files()["files"]) == 6


def test_held_out_videos_that_are_trained_on_are_named(videos, capsys):
    open_clips(videos, videos / "held_out")

    assert (
        "Note: 1 held-out videos are also among `data`, so that their loss is "
        f"too low: {videos}/held_out/x.mp4." in capsys.readouterr().out
    )


@pytest.mark.parametrize("validation", ["held_out/0.mp4", "scenes"])
def test_nothing_is_said_of_other_held_out_clips(videos, validation, capsys):
    place = validation if validation == "scenes" else videos / validation

    open_clips(videos, place)

    assert "Note" not in capsys.readouterr().out


def test_the_held_out_loss_is_that_of_each_stage():
    model = freezing.build_model()
    model.compile("adamw")
    source = data.get(
        "scenes", frames=4, size=8, fps=8, split="validation", seed=0
    )
    loss = inputs.held_out_loss(model, source, batch_size=3)
    clips = inputs.fixed_clips(source, 12)

    losses = []
    for frozen in (0, 1):
        FreezeScheduler(NeverFreezeSchedule(), model).freeze(frozen)
        losses.append(loss())
        expected = model.evaluate(clips, batch_size=3, verbose=0)
        assert losses[-1] == pytest.approx(np.ravel(expected)[0], rel=1e-4)
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)
