"""The fused update is the one that Keras makes in many passes."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("the kernel is PyTorch's", allow_module_level=True)

import torch

from layerlock.backends.torch import fused_adam

OPTIONS = {
    "plain": {},
    "clipped": {"global_clipnorm": 0.1, "weight_decay": 0.1},
    "accumulating": {"gradient_accumulation_steps": 2},
    "averaged": {"use_ema": True, "ema_momentum": 0.5},
    "with a large epsilon": {"epsilon": 0.1},
    "amsgrad": {"amsgrad": True},  # has no fused kernel that corrects alike
}


def train(make, fused, dtype="float32", steps=6):
    """The weights and the optimizer's state after some steps."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4,), ()]
    variables = [
        keras.Variable(rng.normal(size=shape), dtype=dtype, name=f"v{number}")
        for number, shape in enumerate(shapes)
    ]
    optimizer = make()
    optimizer.build(variables)
    if fused:
        fused_adam.fuse(optimizer)
    for _ in range(steps):
        gradients = [
            torch.tensor(rng.normal(size=shape), dtype=getattr(torch, dtype))
            for shape in shapes
        ]
        gradients[0] = gradients[0].t().contiguous().t()  # as a matmul's is
        with torch.no_grad():
            optimizer.apply(gradients, variables)
    return [
        v.numpy().astype("float64") for v in variables + optimizer.variables
    ]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_updates_as_keras_does(name, options, dtype):
    rate = keras.optimizers.schedules.CosineDecay(1e-2, 10)
    make = lambda: getattr(keras.optimizers, name)(rate, **options)  # noqa: E731

    found, expected = (train(make, fused, dtype) for fused in (True, False))

    # The rate is float32, here and in Keras.
    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-7)


def test_it_updates_under_a_loss_scale():
    def make():
        return keras.optimizers.LossScaleOptimizer(
            keras.optimizers.AdamW(1e-2), initial_scale=8.0
        )

    found, expected = (train(make, fused) for fused in (True, False))

    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-7)


def test_it_updates_and_decays_some_of_the_weights():
    def updated(fused):
        variables = [
            keras.Variable(np.ones(2, "float32"), name=n) for n in "abc"
        ]
        optimizer = keras.optimizers.AdamW(1e-2, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["b"])
        optimizer.build(variables)
        if fused:
            fused_adam.fuse(optimizer)
        for some in (variables, variables[1:]):
            optimizer.apply([torch.ones(2) for _ in some], some)
        return [v.numpy() for v in variables + optimizer.variables]

    for found, expected in zip(updated(True), updated(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_none_of_the_weights_need_decay():  # Keras refuses an empty list
    def updated(weight_decay):
        variable = keras.Variable(np.ones(2, "float32"), name="a")
        optimizer = keras.optimizers.Adam(1e-2, weight_decay=weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["a"])
        optimizer.build([variable])
        fused_adam.fuse(optimizer)
        optimizer.apply([torch.ones(2)], [variable])
        return variable.numpy()

    np.testing.assert_array_equal(updated(0.5), updated(None))


def test_the_fused_kernel_is_what_runs(monkeypatch):
    called = []
    kernel = fused_adam.adam
    monkeypatch.setattr(
        fused_adam,
        "adam",
        lambda *arguments, **keywords: (
            called.append(keywords["fused"]),
            kernel(*arguments, **keywords),
        ),
    )
    train(lambda: keras.optimizers.AdamW(1e-2), fused=True, steps=2)
    assert called == [True, True]


def test_other_optimizers_are_left_alone():
    class Mine(keras.optimizers.AdamW):
        pass

    for optimizer in (keras.optimizers.SGD(0.1), Mine(0.1)):
        before = dict(vars(optimizer))
        fused_adam.fuse(optimizer)
        assert vars(optimizer).keys() == before.keys()


@pytest.mark.parametrize("value", [1.0, 100.0, np.inf, np.nan])
def test_gradients_are_clipped_as_keras_does(value):
    def clipped(fused):
        optimizer = keras.optimizers.AdamW(0.1, global_clipnorm=10.0)
        if fused:
            fused_adam.fuse(optimizer)
        gradients = [torch.ones(3), None, torch.full((2, 2), value)]
        return optimizer._clip_gradients(gradients)

    for found, expected in zip(clipped(True), clipped(False), strict=True):
        if expected is None:
            assert found is None
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_other_ways_to_clip_are_left_to_keras():
    for options in ({"clipvalue": 0.1}, {"clipnorm": 0.1}):
        optimizer = keras.optimizers.AdamW(0.1, **options)
        fused_adam.fuse(optimizer)
        assert "_clip_gradients" not in vars(optimizer)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_stateless_update_leaves_the_model_as_it_is(name):
    found = []
    for fused in (False, True):
        variables = [keras.Variable(np.arange(6.0).reshape(2, 3))]
        optimizer = getattr(keras.optimizers, name)(0.1, weight_decay=0.1)
        optimizer.build(variables)
        if fused:
            fused_adam.fuse(optimizer)
        before = [v.numpy() for v in [*variables, *optimizer.variables]]
        weights, state = optimizer.stateless_apply(
            [v.value.clone() for v in optimizer.variables],
            [torch.ones(2, 3)],
            [v.value.clone() for v in variables],
        )
        after = [v.numpy() for v in [*variables, *optimizer.variables]]
        for ours, old in zip(after, before, strict=True):
            np.testing.assert_array_equal(ours, old)
        found.append([x.detach().numpy() for x in (*weights, *state)])

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert not np.array_equal(found[0][0], before[0])
