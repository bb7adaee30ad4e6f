"""Runs jobs in forks of one process, which has imported a framework.

A job starts within milliseconds, and is a process like any other: it can be
killed, and it leaves as the interpreter leaves.

    KERAS_BACKEND=torch LD_PRELOAD=shim.so python -m tests.faults.server

It reads requests from standard input and answers each by a line.
"""

import ctypes
import faulthandler
import gc
import json
import os
import signal
import sys
import time


def serve():
    """Answers requests until the end of the input; forks return earlier."""
    _import()
    _say({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            return request
        _say({"pid": pid})
        status = _wait(pid, request["timeout"])
        _say({"status": status, "seconds": time.monotonic() - began})
    return None


def _import():
    """Imports what a run imports, and starts no thread."""
    import grain  # noqa: F401
    import h5py  # noqa: F401
    import matplotlib.figure  # noqa: F401

    from layerlock import commands

    commands.find("pretrain")
    # Forks share what is never visited.
    gc.collect()
    gc.freeze()


def _say(answer):
    print(json.dumps(answer), flush=True)


def _wait(pid, timeout):
    """The exit status, negative for a signal, `None` for too long."""
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGABRT)  # prints where its threads are
            os.waitpid(pid, 0)
            return None
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)


def work(request):
    """Does what a request asks for, in a fork."""
    output = os.open(
        request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644
    )
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.enable()
    from tests.faults import scenarios

    fault = request.get("fault")
    if fault:
        shim = ctypes.CDLL(None)
        os.makedirs(fault["folder"], exist_ok=True)
        shim.faults_arm(
            os.fsencode(fault["folder"]),
            ctypes.c_long(fault["number"]),
            fault["how"],
            fault["error"],
            os.fsencode(fault["list"]),
        )
    getattr(scenarios, request["scenario"])(*request["arguments"])


if __name__ == "__main__":
    request = serve()
    if request is not None:
        work(request)
