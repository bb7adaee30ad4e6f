"""Functions that a model with `jit_compile=True` compiles for itself."""

import contextlib
import contextvars
import functools
import importlib.util
import os
import pathlib
import shutil
import types

import torch
from torch.utils import checkpoint

from layerlock.backends.torch.distribution import active, gathering

# The compiled functions of the model whose step runs in this thread, by
# function and keywords; `None` for a model that does not compile.
_compiled = contextvars.ContextVar("layerlock_compiled", default=None)


def default_jit_compile() -> bool:
    """See `contract.py`: blocks are compiled on a GPU, if they can be.

    There, Python takes longer for a block than its kernels do. On a CPU a
    step with compiled blocks was no faster (docs/performance.md), and
    compilation takes a minute. Kernels of a GPU need Triton and a C compiler.
    """
    compilers = (os.environ.get("CC", "cc"), "gcc", "clang")
    return (
        torch.cuda.is_available()
        and importlib.util.find_spec("triton") is not None
        and any(map(shutil.which, compilers))
    )


def cache_programs(folder):
    """See `contract.py`."""
    # Read when the first function is compiled. The user's own has priority.
    path = pathlib.Path(folder).absolute() / "torchinductor"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(path))


@contextlib.contextmanager
def fusing(model):
    """Context in which the functions of `fused` are compiled for a model.

    Args:
        model: a `keras.Model`. Nothing is compiled if it was compiled with
            `jit_compile=False`.
    """
    functions = None
    if model.jit_compile:
        functions = getattr(model, "compiled_functions", None)
        if functions is None:
            functions = {}
            # Keras would track it, which a built model refuses.
            object.__setattr__(model, "compiled_functions", functions)
    with _using(functions):
        yield


@contextlib.contextmanager
def _using(functions):
    token = _compiled.set(functions)
    try:
        yield
    finally:
        _compiled.reset(token)


def fused(function):
    """See `contract.py`."""

    @functools.wraps(function)
    def call(*arguments, **keywords):
        functions = _compiled.get()
        if functions is None:
            run = function
        else:
            # PyTorch limits the programs of each.
            key = function, tuple(sorted(keywords.items()))
            if key not in functions:
                # Lazy: importing the compiler takes seconds.
                functions[key] = torch.compile(_copy(function), dynamic=False)
            run = functions[key]
        if active.is_sharded():
            return gathering.run_gathered(run, arguments, keywords)
        return run(*arguments, **keywords)

    return call


def recomputed(function):
    """See `contract.py`."""

    def call(*arguments, **keywords):
        functions = _compiled.get()

        def again(*arguments, **keywords):
            # Autograd may call it in a thread of its own.
            with _using(functions):
                # What autograd would keep of it, is computed again.
                return function(*gathering.gather_all(arguments), **keywords)

        return checkpoint.checkpoint(
            again,
            *arguments,
            use_reentrant=False,
            preserve_rng_state=False,
            **keywords,
        )

    return call


def _copy(function):
    """The same function with code of its own.

    PyTorch counts the programs of a code object, and stops compiling at a
    limit: models of other sizes would use it up.
    """
    copy = types.FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
