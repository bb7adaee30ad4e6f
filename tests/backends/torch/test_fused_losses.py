"""Targets and loss are one program, and the same numbers as without it."""

import dataclasses

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch alone compiles functions", allow_module_level=True)

import torch
from keras import ops

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.objectives.lejepa import LeJEPA
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from tests.core.freezing import dropped_gradients as freezing

COMPILE = torch.compile

# The compiler looks at gradients of tensors that have none.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor"
)


@dataclasses.dataclass  # which has no hash
class Absolute(MaskedAutoencoding):
    """A plug-in that overrides the formulas of another objective."""

    scale: float = 2.0

    def __post_init__(self):
        super().__init__()

    def compute_targets(self, values, layer):
        return (1.0 + layer) * super().compute_targets(values, layer)

    def token_error(self, predictions, targets):
        return self.scale * ops.abs(predictions - targets)


class Compared(MaskedAutoencoding):
    """A plug-in that compares clips, has state, and reads a number."""

    num_batches = 0

    def compute_targets(self, values, layer):
        self.num_batches += 1
        return self.num_batches * super().compute_targets(values, layer)

    def batch_loss(self, predictions, targets, batch):
        error = super().batch_loss(predictions, targets, batch)
        mean = ops.mean(predictions[0][0], axis=0)
        return float(batch.step) * error + ops.mean(ops.square(mean))


OBJECTIVES = {
    "mae": MaskedAutoencoding,
    "pixels as they are": lambda: MaskedAutoencoding(normalize_pixels=False),
    "all targets": lambda: MaskedAutoencoding(all_targets=True),
    "mae_latent": MaskedAutoencodingWithLatents,
    "mae_latent with a schedule": lambda: MaskedAutoencodingWithLatents(
        weight_schedule="cosine", target_gradient=True
    ),
    "vjepa": VJEPA,
    "vjepa, smooth": lambda: VJEPA(loss_type="smooth_l1"),
    "vjepa, several targets": lambda: VJEPA(target_layer=(1, 2)),
    "vjepa, visible patches": lambda: VJEPA(
        visible_weight=0.5, visible_warmup=(0.25, 0.75)
    ),
    "plug-in": Absolute,
}


@pytest.fixture
def compile_losses(monkeypatch):
    """Lets losses alone be compiled; returns a list of their programs."""

    def use(**options):
        graphs = []

        def compile(function, dynamic):
            if function.__name__ != "_score_layers":
                return function
            return COMPILE(
                function,
                dynamic=dynamic,
                backend=lambda graph, inputs: graphs.append(graph) or graph,
                **options,
            )

        monkeypatch.setattr(torch, "compile", compile)
        return graphs

    torch._dynamo.reset()
    yield use
    torch._dynamo.reset()


def start(objective, jit_compile, **options):
    """A model that is trained, and its scheduler."""
    model = freezing.build_model(objective=objective, **options)
    model.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
    return model, FreezeScheduler(NeverFreezeSchedule(), model)


@pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES)
def test_targets_and_loss_are_one_program(compile_losses, make):
    graphs = compile_losses(fullgraph=True)  # or an error
    model, scheduler = start(make(), jit_compile=True)

    targets = set()
    for frozen in range(3):
        scheduler.freeze(frozen)
        targets.add(model.target_layers)
        for _ in range(3):
            model.train_on_batch(freezing.clips(1))
        assert len(graphs) == len(targets)


# Of Keras, whose promotion of types it traces.
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a")
@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        pytest.param("float64", marks=pytest.mark.thorough),
        pytest.param("mixed_bfloat16", marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        *OBJECTIVES.values(),
        LeJEPA,
        pytest.param(Compared, marks=pytest.mark.slow),
    ],
    ids=[*OBJECTIVES, "lejepa", "plug-in of clips"],
)
def test_a_compiled_loss_is_that_of_the_formulas(compile_losses, make, dtype):
    graphs = compile_losses()

    def train(jit_compile):
        model, scheduler = start(make(), jit_compile, dtype=dtype)
        numbers = []
        for frozen in range(3):
            scheduler.freeze(frozen)
            for _ in range(2):
                logs = model.train_on_batch(freezing.clips(1), return_dict=True)
                numbers += [logs["batch_loss"], logs["grad_norm"]]
                numbers += model.health.numpy().tolist()
        return numbers

    expected, found = train(False), train(True)

    assert bool(graphs) == (make is not LeJEPA)  # which has no such targets
    tolerance = 1e-2 if dtype == "mixed_bfloat16" else 1e-5
    np.testing.assert_allclose(found, expected, rtol=tolerance)
