"""A process that follows reads a run and writes nothing."""

import inspect

from layerlock.runs.directory import RunDirectory
from layerlock.runs.followed import FollowedRun

ARGUMENTS = {
    "append_metrics": ({"step": 1},),
    "drop_metrics_after": (0,),
    "add_resume": (3,),
    "write_files": ({},),
    "write_schedule": ([], ""),
    "write_failure": ({},),
}


def test_it_reads_what_another_process_writes(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"flags": {}, "backend": "x"})
    run.append_metrics({"step": 1, "loss": 0.5})
    before = {p.name: p.read_bytes() for p in run.path.iterdir()}

    followed = FollowedRun(run.path, run.config)
    for name, arguments in ARGUMENTS.items():
        getattr(followed, name)(*arguments)

    assert followed.read_metrics() == [{"step": 1, "loss": 0.5}]
    assert {p.name: p.read_bytes() for p in run.path.iterdir()} == before


def test_no_function_that_writes_is_left_out():
    writers = {
        name
        for name, function in inspect.getmembers(RunDirectory, callable)
        if name.startswith(("append", "drop", "add", "write"))
    }

    assert writers == set(ARGUMENTS)
