"""An encoder learns a task; its lower blocks freeze, or learn more slowly."""

import keras
import numpy as np
import pytest

import layerlock
from layerlock import backends, evaluation
from layerlock.evaluation import encoders, finetuning
from tests.evaluation import toys
from tests.marks import thorough_on
from tests.models import networks
from tests.random_state import random_state

pytest.importorskip("sklearn")
ONE_BACKEND = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


class Clips(toys.PlantedTask):
    """The planted colours or depths, as clips of the smallest encoder."""

    frames, size = 2, 8

    def examples(self, split):
        return Larger(super().examples(split))


class Larger(evaluation.Examples):
    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        views, target = self.examples[index]
        views = views.repeat(4, axis=2).repeat(4, axis=3)
        if target.ndim:
            target = target.repeat(4, axis=1).repeat(4, axis=2)
        return views, target


def small_encoder(**arguments):
    sizes = {
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "mlp_dim": 32,
        "patch_size": (1, 4, 4),
        "clip_shape": (2, 8, 8),
        "num_decoder_layers": 1,
    }
    return layerlock.VideoEncoder(**{**sizes, **arguments})


def finetune(encoder, task, steps=6, rate=3e-3, layer_decay=0.75, **arguments):
    return evaluation.finetune(
        encoder,
        task,
        optimizer=finetuning.adamw(encoder, rate, layer_decay=layer_decay),
        steps=steps,
        batch_size=16,
        **{"readout": "linear", **arguments},
    )


def values(layers):
    return [
        networks.numpy(variable)
        for layer in keras.tree.flatten(layers)
        for variable in layer.variables
    ]


@thorough_on("jax")
def test_it_learns_what_is_planted():
    result = finetune(small_encoder(), Clips(), steps=30, readout="attentive")

    first, *_, last = result.trials
    assert last["loss"] < 0.5 * first["loss"]
    assert last["top1"] > 0.8
    assert result.metrics["top1"]["value"] > 0.8
    assert [trial["step"] for trial in result.trials] == list(range(3, 31, 3))


@thorough_on("tensorflow")
def test_the_random_state_of_the_caller_stays():
    encoder = small_encoder()
    before = random_state()

    finetune(encoder, Clips(), steps=1)

    assert random_state() == before


@ONE_BACKEND
def test_it_learns_the_depth_that_is_planted():
    result = finetune(small_encoder(), Clips(dense=True), steps=40, rate=1e-2)

    assert result.predictions.shape == result.targets.shape == (60, 2, 8, 8)
    first, *_, last = result.trials
    assert last["loss"] < 0.7 * first["loss"]
    assert last["abs_rel"] < first["abs_rel"]


@thorough_on("tensorflow")
def test_a_last_norm_is_read_and_trained():
    encoder = small_encoder(final_norm=True)
    before = values([encoder.output_norm])

    finetune(encoder, Clips(), steps=2)

    after = values([encoder.output_norm])
    assert len(before) == 2
    for one, other in zip(before, after, strict=True):
        assert not np.array_equal(one, other)


@thorough_on("tensorflow")
def test_the_test_split_is_scored_with_the_last_norm():
    """The readout has learned from its output, not from the last block's."""
    encoder = small_encoder(final_norm=True)
    networks.randomise(encoder)

    result = finetune(encoder, Clips(), steps=2)

    clips, _ = result.features["test"].examples[0]
    tokens = encoder.features(clips, ["final_norm"])["final_norm"]
    answer = result.probe.answer(networks.numpy(tokens)[None])
    np.testing.assert_allclose(result.predictions[:1], answer, rtol=1e-4)
    assert result.layer == encoder.num_layers + 1


@thorough_on("tensorflow")
def test_frozen_blocks_stay_as_they_were_to_the_last_bit(monkeypatch):
    encoder = small_encoder(positions="learned")
    lower, upper = encoder.freezable_layers
    seen = {}

    class Look(finetuning.Validation):
        def on_step(self, step, logs):
            super().on_step(step, logs)
            backends.sync_state(self.model)
            seen[step] = values(lower), values(upper)

    monkeypatch.setattr(finetuning, "Validation", Look)
    schedule = layerlock.PiecewiseFreezeSchedule([(2, 1)])
    result = finetune(
        encoder, Clips(), steps=4, schedule=schedule, validate_every=1
    )

    frozen = [trial["frozen_layers"] for trial in result.trials]
    assert frozen == [0, 1, 1, 1]
    assert len(seen[2][0]) > len(seen[2][1])  # the embedding is frozen too
    for before, after in zip(seen[2][0], seen[4][0], strict=True):
        np.testing.assert_array_equal(before, after)
    for step, unit in ((1, 0), (3, 1)):
        moved = zip(seen[step][unit], seen[step + 1][unit], strict=True)
        assert any(not np.array_equal(one, other) for one, other in moved)


def test_lower_blocks_have_lower_rates():
    encoder = small_encoder(positions="learned")

    found = finetuning.adamw(encoder, layer_decay=0.1).multipliers

    assert found.keys() == {v.path for v in encoder.trainable_variables}
    units = (encoder.embedding, *encoder.blocks)
    for rate, unit in zip((0.01, 0.1, 1.0), units, strict=True):
        for layer in keras.tree.flatten(unit):
            for variable in layer.variables:
                assert found[variable.path] == pytest.approx(rate)


@ONE_BACKEND
def test_norms_biases_positions_and_queries_do_not_decay():
    encoder = small_encoder(positions="learned")
    readout = layerlock.AttentiveReadout(4, hidden_dim=8, num_heads=2)
    readout.build((None, 2, 2, 2, 16))
    variables = encoder.trainable_variables + readout.trainable_variables
    networks.randomise(readout)
    networks.randomise(encoder)
    before = [networks.numpy(variable) for variable in variables]

    finetuning.adamw(encoder, weight_decay=0.5).apply(
        [keras.ops.zeros(variable.shape) for variable in variables], variables
    )

    decayed = {
        variable.name.rpartition("_")[2]
        for variable, old in zip(variables, before, strict=True)
        if not np.array_equal(networks.numpy(variable), old)
    }
    assert decayed == {"kernel"}


def test_without_decay_it_is_the_optimizer_of_keras():
    encoder = small_encoder()

    found = finetuning.adamw(encoder, layer_decay=1)

    assert not isinstance(found, layerlock.LayerwiseAdamW)
    assert isinstance(found, keras.optimizers.AdamW)


def test_what_cannot_be_finetuned_is_refused():
    encoder, task = small_encoder(), Clips()
    pixels = encoders.Pixels((1, 4, 4), (2, 8, 8))
    for arguments, message in (
        ({"encoder": pixels}, "no weights to fine-tune"),
        ({"readout": "knn"}, "'attentive', 'linear'"),
        ({"readout": "vjepa2", "task": Clips(dense=True)}, "every pixel"),
        ({"schedule": "linear"}, "has 2 blocks"),
        ({"batch_size": 121}, "exceeds the 120 training examples"),
        ({"schedule": "converged"}, "measurements of pre-training"),
    ):
        with pytest.raises(ValueError, match=message):
            finetuning.check(**{"encoder": encoder, "task": task, **arguments})


def test_what_is_trained_can_be_saved_before_it_is_tested():
    class Broken(Clips):
        def examples(self, split):
            if split == "test":
                raise ValueError("The test split cannot be read.")
            return super().examples(split)

    encoder, saved = small_encoder(), []
    before = values(encoder)

    with pytest.raises(ValueError, match="test split cannot be read"):
        finetune(
            encoder,
            Broken(),
            steps=2,
            on_trained=lambda: saved.append(values(encoder)),
        )

    [weights] = saved
    pairs = zip(before, weights, strict=True)
    assert any(not np.array_equal(one, other) for one, other in pairs)
    for one, other in zip(values(encoder), weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="JAX has no float16 matrix products on a CPU",
)
@pytest.mark.parametrize("scale", [None, 2.0**38])
def test_an_encoder_in_float16_has_its_loss_scaled(monkeypatch, scale):
    encoder = small_encoder(dtype="mixed_float16")
    optimizer = finetuning.adamw(encoder, 1e-3)
    if scale is not None:  # the first updates overflow, and are skipped
        optimizer = keras.optimizers.LossScaleOptimizer(
            optimizer, initial_scale=scale
        )
    seen = []

    class Look(finetuning.Validation):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            seen.append(self.model.optimizer)

    monkeypatch.setattr(finetuning, "Validation", Look)
    result = finetuning.finetune(
        encoder, Clips(), "linear", optimizer, steps=8, batch_size=16
    )

    assert isinstance(seen[0], keras.optimizers.LossScaleOptimizer)
    steps = [trial["step"] for trial in result.trials]
    assert steps == sorted(set(steps))
    assert (steps[-1] == 8) == (scale is None)
    assert np.isfinite(result.trials[-1]["loss"])
