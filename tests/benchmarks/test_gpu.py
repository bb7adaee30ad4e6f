"""The script for a GPU goes on where it ended, and its tables follow."""

import gzip
import json
import pathlib
import time

import pytest

STEP = {
    "device": "cuda:NVIDIA H200",
    "batch_size": 96,
    "ratio": 1.021,
    "low": 1.01,
    "high": 1.04,
    "clips_per_second": 512.3,
    "utilisation": 0.47,
    "trace": {
        "idle_share": 0.02,
        "groups": {"matrix products": 0.8, "attention": 0.2},
        "kernels": [{"name": "nvjet_a|b", "share": 0.3, "calls": 7}],
    },
}


@pytest.fixture
def gpu(benchmarks):
    """The module of the script."""
    import gpu

    return gpu


@pytest.fixture
def tables(gpu):
    """The module of the tables."""
    import gpu_tables

    return gpu_tables


@pytest.fixture
def kernels(gpu):
    """The module that reads traces."""
    import kernels

    return kernels


def lines_of(text, *parts):
    return [x for x in text.splitlines() if all(part in x for part in parts)]


def test_every_row_of_the_issue_is_there_once(gpu):
    names = [row.name for row in gpu.rows()]
    assert len(set(names)) == len(names)
    for backend in ("torch", "jax"):
        for size, stage in (("base", 5), ("large", 13), ("gigantic", 29)):
            assert f"step-{backend}-{size}-0" in names
            assert f"step-{backend}-{size}-{stage}" in names
    assert names[0] == "step-torch-large-0"  # most wanted


def test_rows_of_several_sizes_have_one_rehearsal(gpu):
    rehearsals = {row.rehearsal() for row in gpu.rows()}
    assert {row.preset for row in rehearsals} == {"video_vit_nano"}
    steps = [row.name for row in rehearsals if row.kind == "step"]
    assert sorted(steps) == [
        "step-jax-nano-0",
        "step-jax-nano-0-float8",
        "step-jax-nano-4",
        "step-torch-nano-0",
        "step-torch-nano-0-float8",
        "step-torch-nano-4",
    ]


def test_rows_that_are_there_are_left_out_and_failures_come_last(gpu, tmp_path):
    path = tmp_path / "results.jsonl"
    first, second, third = gpu.rows()[:3]
    gpu.add(path, {"row": first.name, "error": "did not end"})
    gpu.add(path, {"row": second.name, "ratio": 1.0})
    measured = []

    def measure(row, seconds):
        measured.append(row.name)
        return {"ratio": 2.0}

    gpu.measure_all(
        [first, second, third], path, time.monotonic() + 1000, measure
    )

    assert measured == [third.name, first.name]
    assert gpu.read(path)[first.name]["ratio"] == 2.0
    assert gpu.read(path)[second.name]["ratio"] == 1.0


def test_no_row_starts_after_the_time(gpu, tmp_path):
    def measure(row, seconds):
        raise AssertionError("it began")

    gpu.measure_all(gpu.rows(), tmp_path / "x", time.monotonic(), measure)


def test_a_line_that_was_cut_off_costs_that_row_only(gpu, tmp_path):
    path = tmp_path / "results.jsonl"
    gpu.add(path, {"row": "a", "ratio": 1.0})
    path.write_text(path.read_text() + '{"row": "b", "ra')
    gpu.add(path, {"row": "c", "ratio": 3.0})
    assert set(gpu.read(path)) == {"a", "c"}


def test_a_process_that_fails_gives_its_reason(gpu):
    failed = gpu.result_of(-9, "", "one\nOut of memory")
    assert failed == {"error": "status -9: Out of memory"}
    assert gpu.result_of(0, 'talk\n{"ratio": 1}', "") == {"ratio": 1}


@pytest.mark.parametrize("after", ["bye", "[1]", "3", "null", "{torn", "\n"])
def test_what_is_printed_after_the_result_is_left_out(gpu, after):
    found = gpu.result_of(0, f'{{"ratio": 2}}\n{{"ratio": 1}}\n{after}', "")
    assert found == {"ratio": 1}


@pytest.mark.parametrize("out", ["", "bye", '[1]\n"text"\n3', '{"ratio": '])
def test_a_process_without_a_result_has_failed(gpu, out):
    last = out.splitlines()[-1] if out else "no message"
    assert gpu.result_of(0, out, "") == {"error": f"status 0: {last}"}
    assert gpu.result_of(0, out, "why") == {"error": "status 0: why"}


def test_a_row_that_hangs_ends_with_the_processes_that_it_started(
    gpu, monkeypatch, tmp_path
):
    program = tmp_path / "row.py"
    program.write_text(
        "import pathlib, subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(300)']\n"
        "child = subprocess.Popen(sleep)\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    monkeypatch.setattr(gpu, "PROGRAM", program)
    gpu.FLAGS(["gpu", f"--cache={tmp_path}"])

    found = gpu.in_a_process(gpu.rows()[0], seconds=6)

    assert found["error"] == "did not end within 6 s"
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not is_running(pid):
            break
        time.sleep(0.1)
    assert not is_running(pid)


def is_running(pid) -> bool:
    """Whether a process is there, and not only waited for."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_batch_that_does_not_fit_is_made_smaller(gpu):
    import largest_batch

    def run(batch_size):
        if batch_size > 40:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return "done"

    assert largest_batch.first_that_fits(run, 64) == (32, "done")
    with pytest.raises(ValueError, match="wrong"):
        largest_batch.first_that_fits(lambda size: int("wrong"), 8)


def test_the_page_shows_what_was_measured_and_what_was_not(tables):
    found = {
        "step-torch-large-0": STEP,
        "step-jax-large-0": {"error": "did not end within 150 s"},
        "step-torch-base-0": {**STEP, "trace": None, "utilisation": None},
    }
    tiny = {"step-jax-nano-4": {"ratio": 1.1}}

    text = tables.section(found, tiny)

    [measured] = lines_of(text, "| PyTorch | large | 0 | 96 |")
    assert "| 1.021 | 1.010 to 1.040 | 512 | 47 % | 2 % | not" in measured
    [failed] = lines_of(text, "| JAX | large | 0 |")
    assert "not measured: did not end within 150 s" in failed
    [missing] = lines_of(text, "| JAX | base | 5 |")
    assert "| not measured |" in missing
    assert missing.endswith("| 1.10 |")
    assert "Measured on cuda:NVIDIA H200." in text
    [limit] = lines_of(text, "- PyTorch, large, 0 frozen")
    assert "matrix products 80 %" in limit
    [untraced] = lines_of(text, "| PyTorch | base | 0 |")
    assert "| 512 | not known | not known |" in untraced
    widths = {x.count("|") for x in lines_of(text, "| PyTorch | base")}
    assert widths == {lines_of(text, "| steps |")[0].count("|")}


def event(name, ts, dur, pid=1, tid=1, **rest):
    return {
        "ph": "X", "name": name, "ts": ts, "dur": dur, "pid": pid, "tid": tid,
        **rest,
    }  # fmt: skip


def write(folder, events):
    content = json.dumps({"traceEvents": events}).encode()
    (folder / "a.trace.json.gz").write_bytes(gzip.compress(content))


def test_kernels_of_a_device_are_counted_and_its_idle_time(kernels, tmp_path):
    write(
        tmp_path,
        [
            event("python", 0, 1000, cat="cpu_op"),
            event("nvjet_gemm", 0, 60, cat="kernel"),
            event("flash_fwd", 80, 20, cat="kernel"),
        ],
    )
    found = kernels.summary(tmp_path)
    assert found["device"]
    assert found["groups"] == {"matrix products": 0.75, "attention": 0.25}
    assert found["idle_share"] == pytest.approx(0.2)


def test_an_operation_counts_without_those_inside_of_it(kernels, tmp_path):
    write(
        tmp_path,
        [
            event("aten::linear", 0, 100, cat="cpu_op"),
            event("aten::addmm", 10, 70, cat="cpu_op"),
            event("aten::copy_", 20, 20, cat="cpu_op"),
        ],
    )
    found = kernels.summary(tmp_path)
    assert not found["device"]
    taken = {one["name"]: one["share"] for one in found["kernels"]}
    assert taken == {
        "aten::addmm": 0.5, "aten::linear": 0.3, "aten::copy_": 0.2,
    }  # fmt: skip


def test_streams_of_xla_are_kernels(kernels, tmp_path):
    def meta(kind, tid, name):
        return {
            "ph": "M", "name": kind, "pid": 7, "tid": tid,
            "args": {"name": name},
        }  # fmt: skip

    write(
        tmp_path,
        [
            meta("process_name", 0, "/device:GPU:0"),
            meta("thread_name", 3, "Stream #13(Compute)"),
            meta("thread_name", 4, "XLA Modules"),
            event("fusion_1", 0, 10, 7, 3),
            event("jit_step", 0, 10, 7, 4),
        ],
    )
    [kernel] = kernels.summary(tmp_path)["kernels"]
    assert kernel["name"] == "fusion_1"


def test_a_folder_without_a_trace_is_refused(kernels, tmp_path):
    with pytest.raises(ValueError, match="no trace in"):
        kernels.summary(tmp_path)


def test_the_teacher_of_the_published_loop_computes_all_blocks(gpu):
    import gpu_row

    from layerlock.jobs.pretraining import building

    [row] = {row.rehearsal() for row in gpu.rows() if row.kind == "loop"} & {
        row.rehearsal() for row in gpu.rows() if row.backend == "torch"
    }
    model = building.build(*gpu_row.loop_case(row).configuration("runs/none"))
    assert model.target_layers == (model.encoder.num_layers,)


def test_the_page_has_the_rows_that_were_measured(tables):
    import page_sections

    page = (tables.DOCS / "performance.md").read_text()
    found, rehearsal = (
        tables.read(tables.DOCS / f"{name}.jsonl")
        for name in ("gpu", "gpu-tiny")
    )
    text = tables.section(found, rehearsal)
    assert page_sections.replace(page, "gpu", text) == page
    assert "runs |" in page


@pytest.mark.parametrize("line", [b"null", b"{}", b"[1]", b"\xff\xfe", b'{"ro'])
def test_lines_that_are_no_results_are_left_out(gpu, tmp_path, line):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"row": "a", "ratio": 1.0}\n' + line + b"\n")

    assert gpu.read(path) == {"a": {"row": "a", "ratio": 1.0}}
