"""Freezing equals dropping the gradients of frozen variables."""

import itertools

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends import keras_internals
from layerlock.core.freezing.learning_rate import MiniWarmup, WarmupCosine
from layerlock.models.float8 import Float8Policy
from tests.core.freezing import dense, dropped_gradients as freezing
from tests.marks import thorough_on

BACKEND = keras.backend.backend()
EVENTS = [(3, 1), (7, 3)]
NUM_BATCHES = 9
# Where a step takes long to compile.
FEW = {"events": [(3, 2)], "num_batches": 6}

OPTIMIZERS = {
    "adamw": lambda **k: keras.optimizers.AdamW(weight_decay=0.05, **k),
    "lion": lambda **k: keras.optimizers.Lion(weight_decay=0.05, **k),
    "muon": lambda **k: keras.optimizers.Muon(weight_decay=0.05, **k),
    "adafactor": lambda **k: keras.optimizers.Adafactor(**k),
    "nadam": lambda **k: keras.optimizers.Nadam(**k),
    "sgd": lambda **k: keras.optimizers.SGD(momentum=0.9, **k),
}
OPTIONS = {
    "clipping": {"global_clipnorm": 0.5},
    "accumulation": {"gradient_accumulation_steps": 2},
    "average": {"use_ema": True, "ema_momentum": 0.9},
    "overwrite": {
        "use_ema": True,
        "ema_momentum": 0.9,
        "ema_overwrite_frequency": 3,
    },
}
# TensorFlow compiles each of them for a minute.
ALL_ON_TENSORFLOW = (
    pytest.mark.thorough if BACKEND == "tensorflow" else pytest.mark.slow
)


def learning_rate():
    return MiniWarmup(WarmupCosine(1e-2, 12, warmup_steps=2), [3, 7], 2)


def optimizer_factory(name, options=(), loss_scale=False):
    def make():
        arguments = {"learning_rate": learning_rate()}
        for option in options:
            arguments.update(OPTIONS[option])
        optimizer = OPTIMIZERS[name](**arguments)
        if loss_scale:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer, initial_scale=64.0, dynamic_growth_steps=4
            )
        return optimizer

    return make


def other_modes():
    """Ways to compile that are not the default, where there are any."""
    return {"jax": [False], "torch": [True], "tensorflow": [True]}[BACKEND]


FULL_MATRIX = [
    (name, clipping + accumulation + average, loss_scale)
    for name, clipping, accumulation, average, loss_scale in itertools.product(
        OPTIMIZERS,
        [(), ("clipping",)],
        [(), ("accumulation",)],
        [(), ("average",), ("overwrite",)],
        [False, True],
    )
]


def choices(cell):
    name, options, loss_scale = cell
    average = [
        option for option in options if option in ("average", "overwrite")
    ]
    return (
        name,
        "clipping" in options,
        "accumulation" in options,
        average[0] if average else None,
        loss_scale,
    )


def pairs(cell):
    return set(itertools.combinations(enumerate(choices(cell)), 2))


def pairwise(cells):
    """Few cells in which every pair of choices still occurs."""
    missing = set().union(*map(pairs, cells))
    chosen = []
    while missing:
        best = max(cells, key=lambda cell: len(pairs(cell) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


# PyTorch, which has nothing to compile, runs them on the real model.
TRAINER = freezing if BACKEND == "torch" else dense


def name_of(cell):
    name, options, loss_scale = cell
    parts = [name, *options, *(["loss_scale"] if loss_scale else [])]
    return "-".join(parts)


@pytest.fixture(autouse=True)
def double_precision():
    if BACKEND != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture(autouse=True)
def quiet(recwarn):
    """The reference's dropped gradients make Keras warn at every step."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist")
        yield


def without_key_bias(path, value):
    """The gradient of a key's bias is 0 but for rounding; leave it out."""
    if path.endswith("qkv_bias") and np.size(value) == 3 * freezing.WIDTH:
        query, _, values = np.split(np.ravel(value), 3)
        return np.concatenate([query, values])
    return value


def assert_same_training(
    make_optimizer,
    tolerance=1e-5,
    events=EVENTS,
    num_batches=NUM_BATCHES,
    trainer=freezing,
    **compile_arguments,
):
    run = (make_optimizer, events, num_batches)
    model, losses = trainer.train_frozen(*run, **compile_arguments)
    reference, expected = trainer.train_reference(*run, **compile_arguments)

    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    assert_same_weights(model, reference, tolerance)
    assert_same_slots(model, reference, tolerance)


def assert_same_weights(model, reference, tolerance):
    frozen = reference.stage_variables()
    averaged = getattr(
        model.optimizer, "inner_optimizer", model.optimizer
    ).use_ema
    for variable, other in zip(
        model.trainable_variables, trained(model, reference), strict=True
    ):
        if averaged and id(other) in frozen:
            continue
        value = without_key_bias(variable.path, variable.numpy())
        expected = without_key_bias(other.path, other.numpy())
        error = freezing.relative_error(value, expected)
        assert error < tolerance, (variable.path, error)


def trained(model, reference):
    """The reference's variables that the model still trains, in its order."""
    by_path = {v.path: v for v in reference.variables}
    return [by_path[v.path] for v in model.trainable_variables]


def assert_same_slots(model, reference, tolerance):
    slots = freezing.optimizer_slots(model.optimizer)
    expected = freezing.optimizer_slots(reference.optimizer)
    assert slots.keys() <= expected.keys()
    assert any(path for _, path in slots)
    for (attribute, path), value in slots.items():
        value = without_key_bias(path, value)
        other = without_key_bias(path, expected[attribute, path])
        error = freezing.relative_error(value, other)
        assert error < tolerance, (attribute, path, error)


def test_freezing_equals_dropped_gradients():
    cell = ("adamw", ("clipping", "accumulation", "average"), True)
    # TensorFlow compiles the real model for a minute.
    trainer = dense if BACKEND == "tensorflow" else freezing
    assert_same_training(optimizer_factory(*cell), trainer=trainer)


def cells():
    """Few of them in CI; the others, on PyTorch, are thorough."""
    few = pairwise(FULL_MATRIX)
    for cell in FULL_MATRIX if BACKEND == "torch" else few:
        marks = [] if cell in few else [pytest.mark.thorough]
        yield pytest.param(cell, id=name_of(cell), marks=marks)


@pytest.mark.slow
@ALL_ON_TENSORFLOW
@pytest.mark.parametrize("cell", list(cells()))
def test_it_does_with_every_optimizer_and_option(cell):
    arguments = {}
    if BACKEND == "tensorflow" and cell[0] == "muon":
        # Keras multiplies a float32 rate with the float64 weights there.
        arguments = {"dtype": "float32", "tolerance": 1e-3}
    make_optimizer = optimizer_factory(*cell)
    assert_same_training(make_optimizer, trainer=TRAINER, **arguments)


@pytest.mark.slow
@thorough_on("tensorflow", "torch")
@pytest.mark.parametrize("jit_compile", other_modes())
def test_the_other_compiled_mode_gives_the_same(jit_compile):
    assert_same_training(
        optimizer_factory("adamw"), **FEW, jit_compile=jit_compile
    )


@pytest.mark.slow
def test_several_steps_per_execution_give_the_same():
    if BACKEND == "torch" and not keras_internals.scans_steps():
        pytest.skip("Keras before 3.16 has one step per execution on PyTorch")
    assert_same_training(
        optimizer_factory("adamw", ("clipping",)),
        events=[(4, 1), (8, 3)],
        trainer=dense,
        steps_per_execution=4,
    )


@pytest.mark.slow
@ALL_ON_TENSORFLOW
@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", "mixed_float16", Float8Policy()], ids=str
)
def test_mixed_precision_trains_alike(policy):
    float8 = isinstance(policy, Float8Policy)
    reason = backends.unsupported(dtype_policy=policy, float8=float8)
    if reason:
        assert "bfloat16" in reason  # said before anything runs
        return
    make = optimizer_factory("adamw", ("clipping",))
    run = (make, *FEW.values())
    model, _ = freezing.train_frozen(*run, dtype=policy)
    reference, _ = freezing.train_reference(*run, dtype=policy)

    assert_same_weights(model, reference, 2e-2)
