"""Functions that each model compiles for itself, or not at all."""

import functools
import gc
import importlib.util
import os
import shutil
import threading
import weakref

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch alone compiles functions", allow_module_level=True)

import torch
from torch._dynamo.testing import CompileCounter

from layerlock import backends
from layerlock.backends.torch.fusing import (
    fused,
    fusing,
    leave_stage,
    recomputed,
)
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.masks import MultiBlockMask, RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.models.video_encoder import VideoEncoder
from tests.core.freezing import dropped_gradients as freezing

COMPILE = torch.compile


class Model:
    def __init__(self, jit_compile):
        self.jit_compile = jit_compile


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """A list of the functions that were compiled; their results are doubled."""
    functions = []

    def compile(function, dynamic):
        functions.append(function)
        return lambda *arguments, **keywords: keras.tree.map_structure(
            lambda x: 2 * x, function(*arguments, **keywords)
        )

    monkeypatch.setattr(torch, "compile", compile)
    return functions


@fused
def add(x, *, amount=1.0):
    return x + amount


def test_a_model_that_compiles_compiles_once(compiled):
    model = Model(True)

    for _ in range(2):
        with fusing(model):
            assert add(1.0, amount=2.0) == 6.0

    assert len(compiled) == 1


def test_a_model_that_does_not_compile_calls_the_function(compiled):
    with fusing(Model(False)):
        assert add(1.0) == 2.0

    assert add(1.0) == 2.0
    assert compiled == []


def test_models_share_no_code_whose_programs_would_be_counted_together(
    compiled,
):
    for _ in range(2):
        with fusing(Model(True)):
            add(1.0)

    first, second = compiled
    assert first.__code__ is not second.__code__
    assert first(1.0) == second(1.0) == 2.0


def test_programs_of_a_stage_are_dropped_after_the_next_one(compiled):
    model = Model(True)

    def run_stage(*sizes):
        leave_stage(model)
        leave_stage(model)  # two freezes without a batch in between
        with fusing(model):
            for size in sizes:
                add(torch.zeros(size))
        return len(compiled)

    # Size 1 is used in each stage, and 2 again after a stage without it.
    counts = [run_stage(*sizes) for sizes in ((1, 2), (1, 3), (1, 2), (1, 2))]
    assert counts == [2, 3, 4, 4]

    dropped = [weakref.ref(function) for function in compiled]
    compiled.clear()
    gc.collect()
    # Those of 3, and the first of 2.
    assert [one() is None for one in dropped] == [False, True, True, False]


def test_a_model_inside_of_the_step_of_another_keeps_its_setting():
    with fusing(Model(True)):
        with fusing(Model(False)):
            assert add(1.0) == 2.0
        assert add(1.0) == 4.0


def test_a_model_in_another_thread_keeps_its_setting():
    results = []

    def other():
        with fusing(Model(False)):
            results.append(add(1.0))

    with fusing(Model(True)):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        results.append(add(1.0))

    assert results == [2.0, 4.0]


def test_what_another_thread_computes_again_is_compiled_as_at_first(compiled):
    x = torch.ones((), requires_grad=True)
    with fusing(Model(True)):
        # The gradient needs the factor, which is not kept.
        y = recomputed(lambda x: x * add(x))(x)
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()

    assert float(y.detach()) == 4.0
    assert float(x.grad) == 6.0
    assert len(compiled) == 1


@pytest.mark.parametrize(
    "gpu, triton, compiler, expected",
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_blocks_are_compiled_by_default_where_a_gpu_can_be_compiled_for(
    monkeypatch, gpu, triton, compiler, expected
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: triton or None
    )
    monkeypatch.setattr(shutil, "which", lambda name: compiler or None)

    assert backends.default_jit_compile() is expected


def test_programs_go_to_the_folder_unless_there_is_one(monkeypatch, tmp_path):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)

    backends.cache_programs(tmp_path / "first")
    backends.cache_programs(tmp_path / "second")

    folder = os.environ.pop("TORCHINDUCTOR_CACHE_DIR")
    assert folder == str(tmp_path / "first" / "torchinductor")


@pytest.fixture
def programs(monkeypatch):
    """Counts the programs that PyTorch traces; nothing is generated."""
    counter = CompileCounter()
    monkeypatch.setattr(
        torch,
        "compile",
        functools.partial(COMPILE, backend=counter),
    )
    torch._dynamo.reset()
    yield counter
    torch._dynamo.reset()


@pytest.fixture
def never_eager():
    """Makes it an error that PyTorch stops compiling a function."""
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield


def start(num_layers=4, clip_shape=freezing.CLIP_SHAPE, **options):
    """A model that compiles, its scheduler, and a batch of two clips."""
    encoder = VideoEncoder(
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=24,
        patch_size=(2, 4, 4),
        clip_shape=clip_shape,
        num_decoder_layers=1,
    )
    model = MaskedPretraining(encoder, **{"mask": RandomMask(0.5), **options})
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    rng = np.random.default_rng(11)
    clips = rng.integers(0, 256, (2, *clip_shape, 3), dtype="uint8")
    return model, FreezeScheduler(NeverFreezeSchedule(), model), clips


# The compiler looks at gradients of tensors that have none.
ignore_missing_gradients = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor"
)


@ignore_missing_gradients
@pytest.mark.parametrize("num_layers", [4, 6])
def test_blocks_of_a_shape_share_programs_and_freezes_add_few(
    programs, num_layers
):
    model, scheduler, clips = start(num_layers)

    counts = []
    for frozen in range(num_layers - 2):
        scheduler.freeze(frozen)
        for _ in range(2):
            model.train_on_batch(clips)
        counts.append(programs.frame_count)

    # Blocks of visible tokens, and of these with the hidden ones. From the
    # first freeze on, frozen blocks of visible tokens, the last block of the
    # target pass, and the first block behind the frozen ones. From the second
    # on, the other blocks of the target pass. And the loss of each stage.
    assert counts == [2 + 1, 5 + 2, 6 + 3, 6 + 4][: num_layers - 2]


@pytest.mark.slow
@ignore_missing_gradients
def test_every_kind_of_mask_has_programs_at_every_stage(programs, never_eager):
    mask = MultiBlockMask(blocks=((4, 0.1), (2, 0.3), (1, 0.5)))
    model, scheduler, clips = start(
        clip_shape=(4, 16, 16), objective="vjepa", mask=mask
    )
    assert len(set(mask.counts(model.encoder.grid()))) == 3

    counts = []
    for frozen in range(4):
        scheduler.freeze(frozen)
        for _ in range(2):
            model.train_on_batch(clips)
            counts.append(programs.frame_count)

    # The second batch of a stage needs no other ones.
    assert counts[::2] == counts[1::2]


@ignore_missing_gradients
@pytest.mark.parametrize(
    "objective", ["mae", pytest.param("vjepa", marks=pytest.mark.slow)]
)
def test_evaluation_beside_training_has_programs_at_every_stage(
    programs, never_eager, objective
):
    model, scheduler, clips = start(objective=objective)

    counts = []
    for frozen in range(4):
        scheduler.freeze(frozen)
        for _ in range(2):
            model.train_on_batch(clips)
            model.test_on_batch(clips)
            model.test_on_batch(clips[:1])  # the rest of the clips
            counts.append(programs.frame_count)

    assert counts[::2] == counts[1::2]


def test_two_models_train_side_by_side_as_each_alone():
    def build(jit_compile, dtype):
        model = freezing.build_model(dtype=dtype)
        model.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        return model, []

    def train(model, losses, step):
        clips = freezing.clips(4)[4 * step : 4 * step + 4]
        logs = model.train_on_batch(clips, return_dict=True)
        losses.append(float(logs["batch_loss"]))

    kinds = [(True, "float32"), (False, "float32"), (False, "float64")]
    alone = []
    for kind in kinds:
        model, losses = build(*kind)
        for step in range(3):
            train(model, losses, step)
        alone.append(losses)
    together = [build(*kind) for kind in kinds]
    for step in range(3):
        for model, losses in together:
            train(model, losses, step)

    assert [losses for _, losses in together] == alone
