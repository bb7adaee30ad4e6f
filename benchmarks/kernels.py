"""Which kernels the time of a trace goes to.

    python benchmarks/kernels.py runs/trace

Reads the newest trace that `--trace` wrote, of JAX or PyTorch. On a CPU,
operations stand for kernels. The last line is JSON.
"""

import collections
import gzip
import json
import pathlib
import sys

GROUPS = {  # by what their names contain, in lower case; the first one wins
    "attention": ("attention", "flash", "fmha", "sdpa", "mha"),
    "optimizer": ("adam", "multi_tensor", "foreach"),
    "matrix products": (
        "gemm", "cutlass", "nvjet", "cublas", "matmul", "dot", "addmm", "::mm",
        "::bmm", "linear",
    ),
    "copies": ("memcpy", "memset", "copy", "transpose", "convert"),
}  # fmt: skip
OTHER = "elementwise and other"


def summary(folder, count: int = 8) -> dict:
    """Shares of the time of a trace.

    Args:
        folder: path that the trace was written to.
        count: int, kernels to list. Defaults to `8`.

    Returns:
        dict with `device`, whether the events are a device's; `seconds`, from
        the first to the last of them; `idle_share`, without any; `groups`,
        the share of the busy time of each group; `kernels`, a list of name,
        share and number of calls.

    Raises:
        ValueError: if there is no trace, or nothing in it.
    """
    events, is_device = chosen(read(folder))
    if not events:
        raise ValueError(f"There are no kernels in the trace of {folder}.")
    taken = collections.Counter()
    calls = collections.Counter()
    for name, seconds in own_times(events):
        taken[name] += seconds
        calls[name] += 1
    total = sum(taken.values())
    groups = collections.Counter()
    for name, seconds in taken.items():
        groups[group_of(name)] += seconds / total
    begins = min(event["ts"] for event in events)
    ends = max(event["ts"] + event["dur"] for event in events)
    return {
        "device": is_device,
        "seconds": (ends - begins) / 1e6,
        "idle_share": 1 - covered(events) / (ends - begins),
        "groups": dict(groups.most_common()),
        "kernels": [
            {"name": name, "share": seconds / total, "calls": calls[name]}
            for name, seconds in taken.most_common(count)
        ],
    }


def read(folder) -> list[dict]:
    """The events of the newest trace of a folder."""
    paths = pathlib.Path(folder).rglob("*trace.json.gz")
    newest = max(paths, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise ValueError(f"There is no trace in {folder}.")
    return json.loads(gzip.decompress(newest.read_bytes()))["traceEvents"]


def chosen(events) -> tuple[list[dict], bool]:
    """The events of kernels, and whether they are a device's."""
    names = {
        (event["pid"], event.get("tid") if kind == "thread_name" else None): (
            event["args"]["name"]
        )
        for event in events
        for kind in [event.get("name")]
        if event.get("ph") == "M" and kind in ("process_name", "thread_name")
    }

    def is_kernel(event):
        if event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset"):
            return True  # PyTorch
        process = names.get((event["pid"], None), "")
        thread = names.get((event["pid"], event["tid"]), "")
        return process.startswith("/device:") and "Stream" in thread

    def is_operation(event):
        return event.get("cat") == "cpu_op" or "hlo_op" in event.get("args", {})

    spans = [e for e in events if e.get("ph") == "X" and e.get("dur")]
    kernels = [event for event in spans if is_kernel(event)]
    if kernels:
        return kernels, True
    return [event for event in spans if is_operation(event)], False


def own_times(events):
    """Name and microseconds of each event, without those inside of it."""
    by_thread = collections.defaultdict(list)
    for event in events:
        by_thread[event["pid"], event["tid"]].append(event)
    for thread in by_thread.values():
        thread.sort(key=lambda event: (event["ts"], -event["dur"]))
        open_events = []  # end, name, microseconds of its own
        for event in thread:
            while open_events and open_events[-1][0] <= event["ts"]:
                yield tuple(open_events.pop()[1:])
            if open_events:
                open_events[-1][2] -= event["dur"]
            open_events.append(
                [event["ts"] + event["dur"], event["name"], event["dur"]]
            )
        yield from (tuple(one[1:]) for one in open_events)


def covered(events) -> float:
    """Microseconds in which at least one event runs."""
    total, until = 0.0, float("-inf")
    for event in sorted(events, key=lambda event: event["ts"]):
        ends = event["ts"] + event["dur"]
        total += max(0.0, ends - max(until, event["ts"]))
        until = max(until, ends)
    return total


def group_of(name: str) -> str:
    """What a kernel computes, by its name."""
    for group, parts in GROUPS.items():
        if any(part in name.lower() for part in parts):
            return group
    return OTHER


if __name__ == "__main__":
    print(json.dumps(summary(sys.argv[1])))
