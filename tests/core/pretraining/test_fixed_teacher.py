"""Another encoder as the teacher: wider, never trained, never saved."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.monitoring.monitors import Monitors
from layerlock.core.pretraining import target_pass
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models.predictor import LatentPredictor
from layerlock.models.video_encoder import VideoEncoder
from layerlock.runs import checkpoints
from tests.marks import thorough_on
from tests.models import networks

CLIP_SHAPE = (4, 8, 8)
NUM_STEPS = 30


def encoder(num_layers=2, width=24, name="encoder", **arguments):
    keras.utils.set_random_seed(num_layers)
    return VideoEncoder(
        **{
            "num_layers": num_layers,
            "num_heads": 2,
            "hidden_dim": width,
            "mlp_dim": width,
            "patch_size": (2, 2, 2),
            "clip_shape": CLIP_SHAPE,
            "num_decoder_layers": 0,
            "name": name,
            **arguments,
        }
    )


def build(objective, teacher=None, optimizer=None, **arguments):
    student = encoder()
    keras.utils.set_random_seed(5)
    model = MaskedPretraining(
        student, objective, fixed_teacher=teacher, **arguments
    )
    model.compile(optimizer or keras.optimizers.AdamW(1e-3))
    return model


def clips(num_batches=1, seed=0):
    rng = np.random.default_rng(seed)
    shape = (2 * num_batches, *CLIP_SHAPE, 3)
    return rng.integers(0, 256, shape, dtype="uint8")


def losses(model, num_steps, seed=0):
    return [
        float(
            model.train_on_batch(clips(seed=seed + step), return_dict=True)[
                "batch_loss"
            ]
        )
        for step in range(num_steps)
    ]


@pytest.fixture(scope="module")
def taught():
    """A student of a wider and deeper teacher, after a step."""
    model = build(VJEPA("fixed"), wide_teacher())
    losses(model, 1)
    return model


def wide_teacher(**arguments):
    return encoder(3, 32, name="teacher", **arguments)


@thorough_on("tensorflow")
def test_it_equals_a_moving_average_that_does_not_move():
    average = build(VJEPA(momentum=1.0, target_layer=-1))
    fixed = build(VJEPA("fixed"), encoder(name="teacher"))

    expected = losses(average, NUM_STEPS)
    found = losses(fixed, NUM_STEPS)

    assert expected[-1] < 0.99 * expected[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@thorough_on("jax", "tensorflow")
def test_a_student_of_a_wider_teacher_freezes_and_is_healthy():
    model = build(VJEPA("fixed"), wide_teacher())
    before = [v.numpy() for v in model.fixed_teacher.encoder.variables]
    monitors = Monitors(2, last_step=8)
    lock = LayerLock(PiecewiseFreezeSchedule([(3, 2)]))

    model.fit(clips(8), batch_size=2, verbose=0, callbacks=[monitors, lock])

    assert model.frozen_layers == 2
    assert model.target_layers == (3,)
    assert monitors.judge.verdict.label == "healthy"
    assert model.exported_encoder is model.encoder
    after = [v.numpy() for v in model.fixed_teacher.encoder.variables]
    assert all(map(np.array_equal, before, after))
    trained = {id(v) for v in model.trainable_variables}
    teacher = {id(v) for v in model.fixed_teacher.encoder.variables}
    assert not trained & teacher


def test_several_layers_of_a_deeper_teacher_are_predicted():
    deep = encoder(6, name="teacher")
    model = build(VJEPA(teacher="fixed", target_layer=(3, 6)), teacher=deep)

    assert model.encoder.num_layers == 2
    assert np.isfinite(losses(model, 2)).all()


def test_its_weights_are_arguments_of_the_compiled_step():
    model = build(VJEPA("fixed"), wide_teacher(), keras.optimizers.SGD(0.0))
    start = model.get_weights()

    before = losses(model, 1)
    model.set_weights(start)
    networks.randomise(model.fixed_teacher.encoder, seed=9)
    changed = losses(model, 1)
    model.set_weights(start)

    assert losses(model, 1) == before
    assert changed != pytest.approx(before, rel=1e-3)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
def test_pixels_are_standardised_in_its_own_way():
    dark = build(VJEPA("fixed"), wide_teacher(pixel_mean=0.0))
    usual = build(VJEPA("fixed"), wide_teacher())

    assert losses(dark, 1) != pytest.approx(losses(usual, 1), rel=1e-4)


@thorough_on("jax")
@pytest.mark.parametrize("own", ["float32", "mixed_bfloat16"])
def test_it_computes_in_its_own_precision(own, monkeypatch):
    other = {"float32": "mixed_bfloat16", "mixed_bfloat16": "float32"}[own]
    teacher = wide_teacher(dtype=own)
    model = build(VJEPA("fixed"), teacher, dtype=other)
    taken, take = [], target_pass.take_tokens
    monkeypatch.setattr(
        target_pass,
        "take_tokens",
        lambda tokens, *rest: taken.append(tokens) or take(tokens, *rest),
    )

    model(keras.ops.convert_to_tensor(clips()))

    [found, *_] = [x for x in taken if x.shape[-1] == teacher.hidden_dim]
    expected = teacher.features(clips(), layers=["block_3"])["block_3"]
    assert keras.backend.standardize_dtype(found.dtype) == teacher.compute_dtype
    np.testing.assert_allclose(
        numbers(found),
        numbers(keras.ops.reshape(expected, found.shape)),
        rtol=1e-5,
        atol=1e-5 if own == "float32" else 0.05,
    )


def numbers(tensor):
    return networks.numpy(keras.ops.cast(tensor, "float32"))


@thorough_on("tensorflow")
def test_a_checkpoint_leaves_it_out_and_restores_all_else(taught, tmp_path):
    taught.saves_fixed_teacher = False
    path = checkpoints.save(tmp_path, taught, 1, {})
    again = build(VJEPA("fixed"), wide_teacher())
    again.saves_fixed_teacher = False

    checkpoints.load_weights(path, again)

    taught.saves_fixed_teacher = True
    assert_equal_weights(again, taught)
    size = (path / "model.weights.h5").stat().st_size
    with_it = tmp_path / "all.weights.h5"
    taught.save_weights(with_it)
    bytes_of_teacher = sum(
        4 * np.prod(v.shape) for v in taught.fixed_teacher.encoder.variables
    )
    assert with_it.stat().st_size - size >= bytes_of_teacher


@thorough_on("tensorflow")
def test_a_keras_file_includes_it(taught, tmp_path):
    taught.save(tmp_path / "model.keras")

    again = keras.saving.load_model(tmp_path / "model.keras")

    assert_equal_weights(again, taught)
    assert again.fixed_teacher.encoder.hidden_dim == 32


def assert_equal_weights(model, expected):
    backends.sync_state(expected)
    for found, value in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(found.numpy(), value.numpy())


@pytest.mark.parametrize(
    "objective, arguments, message",
    [
        (VJEPA("fixed"), {}, "Received: fixed_teacher=None"),
        (VJEPA(), {"name": "teacher"}, "need each other"),
        (VJEPA("fixed"), {"name": "encoder"}, "different names"),
        (
            VJEPA("fixed"),
            {"name": "teacher", "patch_size": (2, 4, 4)},
            "patches of 2x4x4 for the teacher and 2x2x2",
        ),
        (
            VJEPA("fixed", target_layer=3),
            {"name": "teacher"},
            "from 1 to 2, or -1 for the last. Received: layer 3",
        ),
        (VJEPA("fixed", target_layer=0), {"name": "teacher"}, "layer 0"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(objective, arguments, message):
    teacher = encoder(**arguments) if arguments else None

    with pytest.raises(ValueError, match=message):
        build(objective, teacher)


def test_a_predictor_of_another_width_is_refused():
    predictor = LatentPredictor.for_encoder(encoder(), num_mask_kinds=2)

    with pytest.raises(ValueError, match="`latent_dim=32`"):
        build(VJEPA("fixed"), wide_teacher(), predictor=predictor)
