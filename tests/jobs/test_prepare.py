"""What `layerlock prepare` writes is what the other jobs read."""

import pytest

import layerlock
from layerlock import data
from tests.data import synthesise

pytest.importorskip("av")


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        synthesise.write(folder / name)
    return folder


def test_the_jobs_of_an_array_write_the_shards_of_a_source(
    videos, tmp_path, capsys
):
    out = tmp_path / "shards"
    options = {"data": str(videos), "out": str(out), "shards": 3}

    for number in (1, 2):
        layerlock.prepare(**options, shard=f"{number}/2", short_side=24)

    assert "1 copies written" in capsys.readouterr().out.splitlines()[-1]
    source = data.get(out, frames=4, size=16)
    assert [source.name(n) for n in range(3)] == ["a.mp4", "b.mp4", "c.mp4"]
    again = layerlock.prepare(**options, short_side=24)
    assert again == {"written": 0, "kept": 3, "failed": {}}


def test_a_plan_counts_shards(videos):
    plan = layerlock.prepare(data=str(videos), out="out", shards=2, plan=True)

    assert "3 copies would be in 2 shards in out." in str(plan)
    assert plan.facts == {"name": "prepare plan", "copies": 3, "shards": 2}


@pytest.mark.parametrize("plan", [True, False])
def test_more_shards_than_videos_are_refused(videos, tmp_path, plan):
    options = {"data": videos, "out": tmp_path / "s", "plan": plan}

    with pytest.raises(ValueError, match="number of videos, 3.*shards=4"):
        layerlock.prepare(**options, shards=4)


@pytest.mark.parametrize("plan", [True, False])
def test_folders_that_do_not_fit_are_refused(videos, tmp_path, plan):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")

    for out, message in (
        (videos / "small", "inside the folder of the originals"),
        (full, "folder of the copies is not empty"),
    ):
        with pytest.raises(ValueError, match=message):
            layerlock.prepare(data=videos, out=out, plan=plan)


@pytest.mark.parametrize("plan", [True, False])
def test_copies_with_other_settings_are_refused(videos, tmp_path, plan):
    options = {"data": videos, "out": tmp_path / "small", "short_side": 24}
    layerlock.prepare(**options)

    again = layerlock.prepare(**options, plan=True)
    assert again.facts["copies"] == 3
    with pytest.raises(ValueError, match="was prepared with"):
        layerlock.prepare(**options, crf=30, plan=plan)
