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

# The `_Programs` of the model whose step runs in this thread; `None` for a
# model that does not compile.
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
    programs = None
    if model.jit_compile:
        programs = getattr(model, "compiled_programs", None)
        if programs is None:
            programs = _Programs()
            # Keras would track it, which a built model refuses.
            object.__setattr__(model, "compiled_programs", programs)
    with _using(programs):
        yield


def leave_stage(model):
    """Drops the programs that the stage before this one used last.

    The next stage uses most programs of this one, such as those of blocks
    that stay trained.
    """
    programs = getattr(model, "compiled_programs", None)
    if programs is not None:
        programs.leave_stage()


class _Programs:
    """The compiled functions of a model."""

    def __init__(self):
        self.of_stage, self.of_stage_before = {}, {}

    def find(self, function, arguments, keywords):
        """Returns a compiled function, used for alike calls only.

        PyTorch compiles a program for each set of shapes and gradients. It
        stops at a limit for each function, without an error, and calls the
        function itself from then on. So each kind of calls has a function of
        its own.
        """
        key = (
            function,
            tuple(sorted(keywords.items())),
            torch.is_grad_enabled(),
            _kind(arguments),
        )
        program = self.of_stage.get(key)
        if program is None:
            program = self.of_stage_before.pop(key, None) or _compile(function)
            self.of_stage[key] = program
        return program

    def leave_stage(self):
        if self.of_stage:  # something ran
            self.of_stage, self.of_stage_before = {}, self.of_stage


def _kind(arguments):
    """Shape and gradient of the first tensor, which the others follow.

    Those of all tensors would take longer than PyTorch's own comparison. The
    weights of a block may still be frozen or not: two programs, far below the
    limit.
    """
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            return argument.shape, argument.requires_grad
        if isinstance(argument, (tuple, list)):
            found = _kind(argument)
            if found is not None:
                return found
    return None


@contextlib.contextmanager
def _using(programs):
    token = _compiled.set(programs)
    try:
        yield
    finally:
        _compiled.reset(token)


def fused(function):
    """See `contract.py`."""

    @functools.wraps(function)
    def call(*arguments, **keywords):
        programs = _compiled.get()
        run = function
        if programs is not None:
            run = programs.find(function, arguments, keywords)
        if active.is_sharded():
            return gathering.run_gathered(run, arguments, keywords)
        return run(*arguments, **keywords)

    return call


fused_formula = fused  # PyTorch compares the state of objects at every call.


def recomputed(function):
    """See `contract.py`."""

    def call(*arguments, **keywords):
        programs = _compiled.get()

        def again(*arguments, **keywords):
            # Autograd may call it in a thread of its own.
            with _using(programs):
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


def _compile(function):
    # Lazy: importing the compiler takes seconds.
    return torch.compile(_copy(function), dynamic=False)


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
