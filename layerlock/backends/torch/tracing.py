"""The profiler of PyTorch."""

import contextlib
import pathlib

import torch

from layerlock.backends import trace_files


@contextlib.contextmanager
def tracing(folder):
    """See `contract.py`."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profiler:
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # or the last kernels would be missing
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # TensorBoard looks for this ending.
    name = f"{trace_files.free_name()}.pt.trace.json.gz"
    profiler.export_chrome_trace(str(folder / name))


def named_step(number):
    """See `contract.py`."""
    return torch.profiler.record_function(f"step {number}")
