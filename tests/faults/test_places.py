"""Two jobs at one place, a place that cannot be written, videos that go."""

import errno
import json
import shutil

import pytest

from tests.data import synthesise
from tests.faults import calls, scenarios, workshop

READ_ONLY = {"how": calls.FAIL_ON, "error": errno.EROFS}


def test_of_two_jobs_in_one_folder_the_second_is_refused(
    shop, encoder, tmp_path, tmp_path_factory
):
    run = f"--run_dir={tmp_path / 'run'}"
    flags = (run, *scenarios.FLAGS, f"--init_from={encoder}")
    with workshop.Workshop(tmp_path_factory.mktemp("other")) as other:
        shop.start("pretrain", *flags)
        other.start("pretrain", *flags)
        outcomes = [shop.wait(), other.wait()]

    ended, refused = sorted(outcomes, key=lambda outcome: outcome.status)
    assert (ended.status, refused.status) == (0, 1), outcomes
    assert "Traceback" not in refused.said
    assert "still running" in refused.said or "not empty" in refused.said
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(
    workshop.COMPILER is None, reason="needs a C compiler, on Linux"
)
@pytest.mark.parametrize("resumed", [False, True])
def test_a_folder_that_cannot_be_written_is_told(
    shop, encoder, tmp_path, resumed
):
    run_dir = tmp_path / "run"
    flags = [f"--run_dir={run_dir}"]
    if resumed:
        shop.run(
            "pretrain_signalled",
            "SIGTERM",
            3,
            *flags,
            *scenarios.FLAGS,
            f"--init_from={encoder}",
        )
        flags.append("--resume")
    else:
        flags += [*scenarios.FLAGS, f"--init_from={encoder}"]

    fault = {"folder": str(run_dir), "number": 0, **READ_ONLY}
    refused = shop.run("pretrain", *flags, fault=fault)

    assert refused.status == 1, refused.said
    assert "Traceback" not in refused.said
    *_, last = refused.said.strip().splitlines()
    assert last.startswith("pretrain: Read-only file system: ")
    assert "Make that disk writable, then " in last


@pytest.fixture
def videos(tmp_path):
    pytest.importorskip("av")
    folder = tmp_path / "videos"
    folder.mkdir()
    synthesise.write(folder / "0.mp4")
    for number in range(1, 6):
        shutil.copy(folder / "0.mp4", folder / f"{number}.mp4")
    return folder


@pytest.mark.parametrize("kept", [2, 0])
def test_videos_that_break_in_mid_run_are_survived_or_told(
    shop, encoder, tmp_path, videos, kept
):
    run_dir = tmp_path / "run"
    outcome = shop.run(
        "pretrain_without",
        videos,
        kept,
        2,
        f"--run_dir={run_dir}",
        *scenarios.FLAGS,
        f"--init_from={encoder}",
        f"--data={videos}",
        "--workers=0",  # others read far ahead
        "--steps=16",
        "--checkpoint_every=8",
    )

    assert "Traceback" not in outcome.said, outcome.said
    failures = (run_dir / "failures.jsonl").read_text().splitlines()
    assert failures
    if kept:
        assert outcome.status == 0
        files = json.loads((run_dir / "files.json").read_text())
        # The clip that is read ahead may fail after they were counted.
        newest = max(json.loads(line)["index"] for line in failures)
        sure = {x for x in failures if json.loads(x)["index"] < newest}
        assert len(sure) <= files["failed_reads"] <= len(set(failures))
    else:
        assert outcome.status == 1
        assert "videos in a row could not be read" in outcome.said
