import json
import signal
import subprocess
import sys
import time

import pytest

from layerlock.runs.directory import RunDirectory

CONFIG = {"flags": {"steps": 10}}

# Stands in for a run: appends lines as fast as it can until it is killed.
WRITER = """
import sys
from layerlock.runs import writing
step = 0
while True:
    step += 1
    writing.append_line(sys.argv[1], b'{"step": %d, "pad": "%s"}' % (
        step, b"x" * 5000))
"""


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run", CONFIG)


def test_a_created_run_can_be_opened(run):
    assert RunDirectory.open(run.path).config == CONFIG


def test_an_empty_folder_can_be_used(tmp_path):
    assert RunDirectory.create(tmp_path, CONFIG).config_path.exists()


def test_a_folder_that_holds_a_run_is_refused(run):
    with pytest.raises(ValueError, match=r"config.json.*`resume`"):
        RunDirectory.create(run.path, {"flags": {}})

    assert RunDirectory.open(run.path).config == CONFIG


def test_a_folder_that_holds_anything_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(ValueError, match=r"thesis.txt.*another `run_dir`"):
        RunDirectory.create(tmp_path, CONFIG)

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "run"
    path.write_text("mine")

    with pytest.raises(ValueError, match="not a file"):
        RunDirectory.create(path, CONFIG)


def test_a_start_that_was_killed_can_be_repeated(tmp_path):
    (tmp_path / ".config.json.partial").write_text('{"flags"')

    assert RunDirectory.create(tmp_path, CONFIG).config == CONFIG


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_a_run_cannot_be_resumed(tmp_path, exists):
    path = tmp_path if exists else tmp_path / "missing"

    with pytest.raises(ValueError, match="does not hold a run"):
        RunDirectory.resume(path)


def test_metrics_come_back_in_order(run):
    lines = [{"step": 10, "loss": 0.5}, {"step": 20, "loss": None}]

    for line in lines:
        run.append_metrics(line)

    assert run.read_metrics() == lines


def test_a_run_without_metrics_has_none(run):
    assert run.read_metrics() == []


def test_reading_a_run_that_is_going_changes_nothing(run):
    content = b'{"step": 10}\n{"step'
    run.metrics_path.write_bytes(content)

    lines = RunDirectory.open(run.path).read_metrics()

    assert lines == [{"step": 10}]
    assert run.metrics_path.read_bytes() == content


def test_a_resume_goes_on_behind_an_unfinished_line(run):
    run.metrics_path.write_bytes(b'{"step": 10}\n{"step')

    resumed = RunDirectory.resume(run.path)
    resumed.append_metrics({"step": 20})

    assert resumed.read_metrics() == [{"step": 10}, {"step": 20}]


def test_a_run_killed_while_it_appends_can_be_resumed(run):
    command = [sys.executable, "-c", WRITER, str(run.metrics_path)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while len(run.read_metrics()) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()

    resumed = RunDirectory.resume(run.path)
    before = resumed.read_metrics()
    resumed.append_metrics({"step": len(before) + 1})

    steps = [line["step"] for line in resumed.read_metrics()]
    assert len(before) >= 5
    assert steps == list(range(1, len(before) + 2))


def test_a_broken_line_in_the_middle_is_named(run):
    run.metrics_path.write_bytes(b'{"step": 10}\n???\n{"step": 30}\n')

    with pytest.raises(ValueError, match=r"Line 2 .*metrics.jsonl"):
        run.read_metrics()


def test_lines_after_the_checkpoint_are_dropped(run):
    for step in (10, 20, 30, 40):
        run.append_metrics({"step": step, "loss": 0.1 * step})
    kept = run.metrics_path.read_bytes().splitlines(keepends=True)[:2]

    dropped = run.drop_metrics_after(20)

    assert dropped == 2
    assert run.metrics_path.read_bytes() == b"".join(kept)


def test_dropping_nothing_leaves_the_file_alone(run):
    run.append_metrics({"step": 10})
    before = run.metrics_path.stat().st_mtime_ns

    assert run.drop_metrics_after(10) == 0
    assert run.metrics_path.stat().st_mtime_ns == before


def test_each_resume_is_noted(run):
    run.add_resume(20)
    run.add_resume(40, git_revision="abc")

    resumes = json.loads(run.config_path.read_text())["resumes"]

    assert resumes == [{"step": 20}, {"step": 40, "git_revision": "abc"}]


def test_the_list_of_files_is_kept(tmp_path):
    files = {"files": [{"position": 0, "path": "a.mp4"}]}

    run = RunDirectory.create(tmp_path / "run", CONFIG, files)

    assert RunDirectory.open(run.path).read_files() == files


def test_a_run_on_procedural_data_has_no_list_of_files(run):
    assert run.read_files() is None


def test_a_folder_with_nothing_but_a_lock_is_free(tmp_path):
    (tmp_path / ".lock").write_text("7")  # of a job that was killed at once

    run = RunDirectory.create(tmp_path, {"flags": {}})

    assert run.config_path.is_file()


def test_a_damaged_configuration_is_named(tmp_path):
    RunDirectory.create(tmp_path, {"flags": {}})
    (tmp_path / "config.json").write_text('{"flags": ')

    with pytest.raises(ValueError, match="config.json is not JSON.*restore"):
        RunDirectory.open(tmp_path)
