"""Every backend module fulfils the contract; this one tells what it can."""

import ast
import gc
import importlib.metadata
import pathlib
import weakref

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import backends
from layerlock.backends import contract
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

BACKEND = keras.backend.backend()
FOLDER = pathlib.Path(contract.__file__).parent
MODULES = sorted(p.parent.name for p in FOLDER.glob("*/__init__.py"))


def compiled(objective="mae", **compile_arguments):
    model = freezing.build_model(objective=objective)
    model.compile(keras.optimizers.AdamW(1e-2), **compile_arguments)
    return model


def trained(objective="mae"):
    """A model after one batch of `fit`."""
    model = compiled(objective)
    model.fit(freezing.clips(1), batch_size=freezing.BATCH_SIZE, verbose=0)
    return model


@pytest.mark.parametrize("name", MODULES)
def test_a_backend_defines_every_name(name):
    nodes = [
        node
        for file in (
            FOLDER / name / "__init__.py",
            FOLDER / "keras_ops.py",
            FOLDER / "single_process.py",
        )
        for node in ast.parse(file.read_text()).body
    ]
    defined = {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    own = f"layerlock.backends.{name}."  # files beside `__init__.py`
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.startswith(own):
            defined |= {alias.name for alias in node.names}

    assert set(contract.NAMES) <= defined


def test_the_norm_is_that_of_all_gradients_together():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3, 4), (7,), ())]
    tensors = [ops.convert_to_tensor(array, "float32") for array in arrays]
    norm = backends.global_norm([tensors[0], None, *tensors[1:]])

    assert keras.backend.standardize_dtype(norm.dtype) == "float32"
    expected = np.sqrt(sum(np.square(array).sum() for array in arrays))
    assert float(norm) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_norm_of_gradients_of_low_precision_is_exact(dtype):
    tensors = [ops.ones((100,), dtype=dtype) * 100.0 for _ in range(150)]

    norm = backends.global_norm(tensors)

    assert keras.backend.standardize_dtype(norm.dtype) == "float32"
    assert float(norm) == pytest.approx(100.0 * 15_000**0.5, rel=1e-5)


def test_a_formula_of_an_object_depends_on_its_state():
    class Scaled:
        scale = 2.0

    @backends.fused_formula
    def formula(object, tensors, power):
        return [object.scale * x**power for x in tensors], object.scale

    scaled = Scaled()
    for scale in (2.0, 3.0):
        scaled.scale = scale
        (found,), same = formula(scaled, [ops.ones((2,)) * 4.0], power=2)
        assert ops.convert_to_numpy(found).tolist() == [16 * scale] * 2
        assert same == scale


def test_what_is_recomputed_is_called_again_and_has_the_same_gradient():
    calls = []

    def function(x, pair, power):
        calls.append(power)
        y, nothing = pair
        assert nothing is None
        return ops.sum(ops.tanh(x * y) ** power)

    x = keras.Variable([0.1, -0.4, 0.7])
    y = keras.Variable([1.5, 2.0, -0.3])

    def value():
        return backends.recomputed(function)(
            ops.convert_to_tensor(x), (ops.convert_to_tensor(y), None), power=3
        )

    found = gradient(value, y)

    tanh = np.tanh(x.numpy() * y.numpy())
    expected = 3 * tanh**2 * (1 - tanh**2) * x.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    if BACKEND != "jax":  # which traces it once, and computes it twice
        assert calls == [3, 3]


def gradient(function, variable):
    """Of a scalar, with respect to a variable, as an array."""
    if BACKEND == "jax":
        import jax

        def of_value(value):
            with keras.StatelessScope(state_mapping=[(variable, value)]):
                return function()

        assert "remat" in str(
            jax.make_jaxpr(jax.grad(of_value))(variable.value)
        )
        return np.asarray(jax.grad(of_value)(variable.value))
    if BACKEND == "torch":
        function().backward()
        return keras.ops.convert_to_numpy(variable.value.grad)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        result = function()
    return tape.gradient(result, variable.value).numpy()


def test_a_backend_that_is_not_known_is_answered_with_those_that_are():
    with pytest.raises(ImportError, match=r"jax.*torch.*KERAS_BACKEND=numpy"):
        backends._load("numpy")


def test_what_runs_everywhere_is_supported():
    assert (
        backends.unsupported(
            dtype_policy="mixed_bfloat16",
            distribution="none",
        )
        is None
    )


@pytest.mark.parametrize(
    ("distribution", "refusing"),
    [
        ("data", ()),
        ("fsdp", ("tensorflow",)),
        ("model", ("tensorflow", "torch")),
    ],
)
def test_on_one_device_a_distribution_is_none(distribution, refusing):
    reason = backends.unsupported(distribution=distribution, batch_size=3)
    if BACKEND in refusing:
        assert "Use distribution=" in reason
        return

    assert reason is None
    with backends.distributed(distribution):
        assert not backends.is_sharded()
        assert backends.local_rows(3) == slice(0, 3)
        assert keras.distribution.distribution() is None


@pytest.mark.parametrize(
    ("options", "backend"),
    [
        ({"dtype_policy": "mixed_float16"}, "jax"),
        ({"float8": True}, "tensorflow"),
    ],
)
def test_one_backend_alone_says_what_it_cannot_do(options, backend):
    reason = backends.unsupported(**options)

    assert (reason is None) == (backend != BACKEND)
    assert reason is None or reason.endswith(".")


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_step_that_has_not_run_costs_nothing_yet(run_eagerly):
    model = compiled(run_eagerly=run_eagerly)
    model.make_train_function()

    assert backends.measure_step(model) == contract.StepCost()


def test_a_step_tells_what_it_costs_where_the_backend_can():
    model = trained()
    held = contract.variable_bytes(model.variables + model.optimizer.variables)

    cost = backends.measure_step(model)

    if BACKEND == "jax":
        assert cost.flops > 0
        assert cost.compile_seconds > 0
    else:
        assert (cost.flops, cost.compile_seconds) == (None, 0.0)
    if BACKEND == "tensorflow":
        assert (cost.activation_bytes, cost.peak_bytes) == (None, None)
    else:
        assert cost.activation_bytes > 0
        assert cost.peak_bytes > held


def test_the_step_of_an_earlier_stage_is_forgotten():
    model = trained()
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)

    scheduler.freeze(1)

    assert backends.measure_step(model).activation_bytes is None


def test_the_bytes_of_variables_add_up():
    variables = [
        keras.Variable([[1.0, 2.0]]),
        keras.Variable([1, 2, 3], dtype="int32", trainable=False),
        keras.Variable(1.0, dtype="bfloat16"),
    ]

    assert contract.variable_bytes(variables) == 5 * 4 + 2


def test_the_values_of_variables_are_current_inside_of_fit():
    model = compiled()
    seen = []

    def note(batch, logs):
        backends.sync_state(model)
        seen.append(int(model.batches_seen.numpy()))

    model.fit(
        freezing.clips(2),
        batch_size=freezing.BATCH_SIZE,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)],
    )

    assert seen == [1, 2]


@pytest.mark.parametrize("ahead", [False, True])
def test_functions_of_a_model_read_its_weights_as_they_are(ahead):
    model = trained()
    weights = model.encoder.patch_embedding.kernel
    ones = keras.ops.ones(weights.shape)
    example = (ones,) if ahead else None
    product = backends.compiled(
        model, lambda x: keras.ops.sum(weights * x), example
    )

    found = [float(product(ones))]
    weights.assign(2.0 * weights)
    found.append(float(product(ones)))
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(1)
    found.append(float(product(2.0 * ones)))

    assert found[1] == pytest.approx(2 * found[0], rel=1e-5)
    assert found[2] == pytest.approx(4 * found[0], rel=1e-5)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("objective", ["mae", "vjepa"])
def test_what_is_compiled_is_right_across_freezes(objective, ahead):
    """The teacher of `vjepa` gives up blocks for those of the encoder."""
    model = with_other_weights(objective)
    clips = ops.convert_to_tensor(freezing.clips(1))

    def features(clips):
        encoder = model.exported_encoder
        return (encoder.features(clips)[encoder.layer_names[-1]],)

    function = backends.compiled(model, features, (clips,) if ahead else None)
    before = check_same(function, features, clips)
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(2)
    after = check_same(function, features, clips)

    is_moved = before != pytest.approx(after, rel=1e-3)
    assert is_moved == (objective == "vjepa")


def test_what_is_compiled_of_a_teacher_is_right_across_freezes():
    model = with_other_weights("vjepa")
    clips = ops.convert_to_tensor(freezing.clips(1))

    def features(clips):
        return (model.teacher.features(clips)["block_4"],)

    function = backends.compiled(model.teacher, features)
    check_same(function, features, clips)
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(2)
    check_same(function, features, clips)


@thorough_on("tensorflow")
@pytest.mark.parametrize("objective", ["mae", "vjepa"])
def test_held_out_losses_are_those_of_the_present_stage(objective):
    model = with_other_weights(objective)
    losses = [held_out_losses(model)]
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(2)
    losses.append(held_out_losses(model))

    for found in losses:
        assert found == pytest.approx(found[:1] * 3, rel=1e-4)
    assert losses[0][0] != pytest.approx(losses[1][0], rel=1e-3)


@thorough_on("tensorflow")
def test_what_a_teacher_gives_up_is_freed():
    model = trained("vjepa")
    features = backends.compiled(model, model.exported_encoder.features)
    features(ops.convert_to_tensor(freezing.clips(1)))
    own = weakref.ref(model.teacher.blocks[0].variables[0])

    FreezeScheduler(NeverFreezeSchedule(), model).freeze(1)
    gc.collect()

    assert own() is None


def with_other_weights(objective):
    """A model whose encoder has moved away from its teacher."""
    model = compiled(objective)
    rng = np.random.default_rng(1)
    for variable in model.encoder.variables:
        variable.assign_add(rng.normal(scale=0.3, size=variable.shape))
    return model


def check_same(function, reference, clips):
    """Compares what both return; returns the first of it."""
    found = [ops.convert_to_numpy(x) for x in function(clips)]
    expected = [ops.convert_to_numpy(x) for x in reference(clips)]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    return float(found[0].mean())


def held_out_losses(model):
    """The loss by each of Keras's functions, and by a direct call."""
    clips, size = freezing.clips(1), freezing.BATCH_SIZE
    found = [
        model.evaluate(clips, batch_size=size, verbose=0, return_dict=True),
        model.predict_on_batch(clips),
        model(ops.convert_to_tensor(clips)),
    ]
    return [float(ops.convert_to_numpy(each["loss"])) for each in found]


def test_one_process_is_alone():
    assert (backends.process_index(), backends.process_count()) == (0, 1)
    assert backends.local_rows(6) == slice(0, 6)
    assert not backends.is_sharded()
    assert [backends.agree(flag) for flag in (True, False)] == [True, False]
    assert backends.broadcast({"step": 3}) == {"step": 3}
    backends.barrier()


def test_the_devices_are_named():
    devices = backends.devices()

    assert devices and all(isinstance(device, str) for device in devices)


def test_the_version_is_that_of_the_framework():
    assert backends.versions() == {BACKEND: importlib.metadata.version(BACKEND)}


@pytest.mark.parametrize(
    ("value", "dtype"), [(3, "int32"), (0.1, "float32"), ([[1, 2]], "float32")]
)
def test_a_constant_has_its_values_and_precision(value, dtype):
    for _ in range(2):
        constant = backends.constant(value, dtype)
        assert keras.backend.standardize_dtype(constant.dtype) == dtype
        found = keras.ops.convert_to_numpy(constant)
        np.testing.assert_array_equal(found, np.array(value, dtype))


def test_parts_of_a_tensor_follow_one_another():
    x = np.arange(24).reshape(2, 6, 2)
    parts = backends.split(ops.convert_to_tensor(x), [1, 2, 3], axis=1)
    found = [keras.ops.convert_to_numpy(part) for part in parts]
    assert [part.shape[1] for part in found] == [1, 2, 3]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), x)
