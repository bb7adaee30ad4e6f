"""Fills the table of a GPU in docs/performance.md, within some minutes.

    python benchmarks/gpu.py --minutes=8
    python benchmarks/gpu.py --tiny --minutes=3
    python benchmarks/gpu_tables.py

Rows are measured in the order of `gpu_rows.py`, the most wanted first. Each
has a process of its own, with a limit of time: a row that hangs, or needs more
memory than there is, costs that row only. Its result is written to --results
at once, one line of JSON; rows that are there are left out, so that the same
command goes on where it ended. Rows that failed are tried again at the end.
Compiled programs are kept in --cache, which the first row of a size fills.
--tiny rehearses all of it on a CPU, with the smallest encoder.

The last line is JSON.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from absl import flags
from gpu_rows import rows

PROGRAM = pathlib.Path(__file__).with_name("gpu_row.py")
LEAST = 20.0  # seconds that are worth starting a row for
FLAGS = flags.FlagValues()
flags.DEFINE_float("minutes", 8.0, "Time of all rows.", flag_values=FLAGS)
flags.DEFINE_bool("tiny", False, "Rehearse on a CPU.", flag_values=FLAGS)
flags.DEFINE_list(
    "rows", None, "Names of rows. Default: all.", flag_values=FLAGS
)
flags.DEFINE_string(
    "results",
    None,
    "File of the results. Default: runs/gpu.jsonl, or runs/gpu-tiny.jsonl.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "cache",
    "runs/gpu-cache",
    "Folder of compiled programs.",
    flag_values=FLAGS,
)


def main(argv):
    """Measures what is missing, as far as the time suffices."""
    FLAGS(argv)
    ends = time.monotonic() + 60 * FLAGS.minutes
    path = pathlib.Path(
        FLAGS.results or f"runs/gpu{'-tiny' if FLAGS.tiny else ''}.jsonl"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = chosen(FLAGS.rows)
    if FLAGS.tiny:  # rows of several sizes have one rehearsal
        wanted = list(dict.fromkeys(row.rehearsal() for row in wanted))
    measure_all(wanted, path, ends)
    found = read(path)
    names = [row.name for row in wanted]
    print(
        json.dumps(
            {
                "name": "gpu",
                "results": str(path),
                "measured": [n for n in names if "ratio" in found.get(n, {})],
                "failed": [n for n in names if "error" in found.get(n, {})],
                "missing": [n for n in names if n not in found],
            }
        )
    )


def chosen(names) -> list:
    """The rows of some names, or all of them."""
    every = rows()
    if names is None:
        return every
    unknown = set(names) - {row.name for row in every}
    if unknown:
        sys.exit(
            "gpu: --rows takes names of rows. Received: "
            f"{', '.join(sorted(unknown))}. Expected some of "
            f"{', '.join(row.name for row in every)}."
        )
    return [row for row in every if row.name in names]


def measure_all(wanted, path, ends, measure=None):
    """Measures the rows that are missing, then those that failed.

    Args:
        wanted: list of `Row`.
        path: of the results.
        ends: float, `time.monotonic()` when no row may run any more.
        measure: function of a row and of seconds that returns its result.
            Defaults to `in_a_process`.
    """
    found = read(path)
    missing = [row for row in wanted if row.name not in found]
    failed = [row for row in wanted if "error" in found.get(row.name, {})]
    for row in [*missing, *failed]:
        left = ends - time.monotonic()
        if left < LEAST:
            return
        result = (measure or in_a_process)(row, min(row.seconds, left))
        add(path, {"row": row.name, **result})


def in_a_process(row, seconds: float) -> dict:
    """What the process of a row printed, or why there is nothing."""
    began = time.monotonic()
    print(f"{row.name}: at most {seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        # Files: a pipe would stay open as long as a process of the compiler.
        out, complaints = (pathlib.Path(folder) / name for name in "ab")
        with open(out, "wb") as stdout, open(complaints, "wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, PROGRAM, json.dumps(dataclasses.asdict(row))],
                env=environment(row),
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:  # with the processes that it has started
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        found = result_of(status, text_of(out), text_of(complaints))
    if status is None:
        found = {"error": f"did not end within {seconds:.0f} s"}
    print(f"{row.name}: {found.get('error') or found.get('ratio')}", flush=True)
    return {**found, "row_seconds": round(time.monotonic() - began, 1)}


def text_of(path) -> str:
    """The content of a file of a process, whatever it has written."""
    return path.read_text(errors="replace").strip()


def result_of(status: int, out: str, complaints: str) -> dict:
    """The last JSON object of a process, or the end of what it complained of.

    Args:
        status: of the process.
        out: its standard output. Libraries may print after the result.
        complaints: its standard error.
    """
    for line in reversed(out.splitlines() if status == 0 else []):
        with contextlib.suppress(json.JSONDecodeError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    last = (complaints or out).splitlines()[-1:] or ["no message"]
    return {"error": f"status {status}: {last[0][:300]}"}


def environment(row) -> dict:
    """That of the process of a row: its backend, and the caches of programs."""
    cache = pathlib.Path(FLAGS.cache).absolute()
    return {
        **os.environ,
        "KERAS_BACKEND": row.backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "torch"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        # Threads that wait for each other would be what is measured.
        **({"OMP_NUM_THREADS": "1"} if row.is_tiny else {}),
    }


def read(path) -> dict:
    """The newest result of each row, by name."""
    path = pathlib.Path(path)
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(errors="replace").splitlines():
        # Other lines: the process was killed while it wrote.
        with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):
            result = json.loads(line)
            found[result["row"]] = result
    return found


def add(path, result: dict):
    """Appends a result, so that it is there whatever comes next."""
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with open(path, "a") as file:
        file.write("\n" * (torn and path.stat().st_size > 0))
        file.write(json.dumps(result) + "\n")
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    # The row that is measured ends, too: the next would be slower beside it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    main(sys.argv)
