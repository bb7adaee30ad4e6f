"""What goes on where a run starts from another one."""

import shutil

import keras
import numpy as np
import pytest

import layerlock
from layerlock.config import facts
from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.jobs.pretraining import building, costs, predictors
from layerlock.models import LatentPredictor, VideoEncoder, stored_predictor
from layerlock.models.positions import resize_table
from layerlock.runs import checkpoint_parts, checkpoints
from tests.models import networks
from tests.recipes.running import resolved

pytest.importorskip("grain")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="tests/recipes has the others"
)
TINY = {"batch_size": 2, "steps": 2, "log_every": 1, "track": ()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An exported encoder with learned positions, and a V-JEPA run of it."""
    path = tmp_path_factory.mktemp("warm")
    VideoEncoder(
        num_layers=2,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=24,
        patch_size=(2, 8, 8),
        clip_shape=(4, 16, 16),
        positions="learned",
        num_decoder_layers=0,
        name="encoder",
    ).save_to_preset(path / "exported")
    layerlock.pretrain(
        **TINY,
        objective="vjepa",
        momentum=(0.5,),
        init_from=path / "exported",
        run_dir=path / "run",
        start_step=1,
        max_frozen_layers=1,
    )
    return path


def started(capsys, *flags):
    """The model that a run begins with, and what is printed about it."""
    config, method = resolved("--start_step=1", *flags)
    model = building.build_model(config, method)
    return model, capsys.readouterr().out


def variables(layer):
    return [variable.numpy() for variable in layer.variables]


def assert_equal(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_run_goes_on_with_encoder_average_and_predictor(folder, capsys):
    run = folder / "run"

    model, said = started(capsys, f"--init_from={run}", "--objective=vjepa")

    student, average = (
        VideoEncoder.from_preset(run / name) for name in ("student", "encoder")
    )
    assert_equal(variables(model.encoder), variables(student))
    assert_equal(variables(model.teacher), variables(average))
    differences = [
        np.abs(a - b).max()
        for a, b in zip(variables(student), variables(average), strict=True)
    ]
    assert max(differences) > 0  # or the test would say nothing
    predictor = type(model.predictor).from_config(model.predictor.get_config())
    newest = checkpoints.find(run / "checkpoints")[0]
    checkpoint_parts.load_part(newest, "predictor", predictor, [])
    assert_equal(variables(model.predictor), variables(predictor))
    assert model.frozen_layers == 0
    assert (
        "Carried over: the encoder, its moving average, the predictor. New: "
        "the optimizer.\n"
    ) in said


def test_a_predictor_goes_on_with_the_policy_of_the_new_run(folder, capsys):
    run = folder / "run"

    model, _ = started(
        capsys, f"--init_from={run}", "--objective=vjepa", "--remat"
    )

    for part in (model.encoder, model.predictor):
        assert {block.remat for block in part.blocks} == {"blocks"}


def test_more_frames_and_pixels_interpolate_learned_positions(folder, capsys):
    run = folder / "run"

    model, said = started(
        capsys,
        f"--init_from={run}",
        "--objective=vjepa",
        "--frames=8",
        "--size=32",
    )

    student = VideoEncoder.from_preset(run / "student")
    expected = resize_table(student.additive_positions.table.value, (4, 4, 4))
    table = model.encoder.additive_positions.table.numpy()
    np.testing.assert_array_equal(table, keras.ops.convert_to_numpy(expected))
    for other in (model.teacher, model.predictor):
        assert other.additive_positions.table.shape[:3] == (4, 4, 4)
    assert "the predictor. New" in said
    assert "Clips of 2x2x2 patches become 4x4x4. Learned positions" in said


def test_another_objective_takes_the_exported_encoder_alone(folder, capsys):
    run = folder / "run"

    model, said = started(capsys, f"--init_from={run}", "--mask=random")

    average = VideoEncoder.from_preset(run / "encoder")
    assert_equal(variables(model.encoder), variables(average))
    assert "Carried over: the encoder. New: the optimizer, the predictor." in (
        said
    )


def test_of_an_exported_encoder_only_the_encoder_goes_on(folder, capsys):
    model, said = started(
        capsys, f"--init_from={folder / 'exported'}", "--objective=vjepa"
    )

    assert_equal(variables(model.encoder), variables(model.teacher))
    assert "the moving average (a copy of the encoder), the predictor" in said


@pytest.fixture(scope="module")
def imported(folder):
    """Weights as an import has them: with a last norm, and a predictor."""
    path = folder / "imported"
    encoder = VideoEncoder(
        num_layers=2,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=24,
        patch_size=(2, 8, 8),
        clip_shape=(4, 16, 16),
        num_decoder_layers=0,
        final_norm=True,
        name="encoder",
    )
    networks.randomise(encoder)
    encoder.save_to_preset(path)
    predictor = LatentPredictor(
        24, 384, 1, 2, 32, 40, num_mask_kinds=4, clip_grid=(2, 2, 2)
    )
    networks.randomise(predictor)
    stored_predictor.save(predictor, path)
    return path


def test_imported_weights_bring_their_predictor(imported, capsys):
    flags = [f"--init_from={imported}", "--objective=vjepa"]
    model, said = started(capsys, *flags, "--frames=8")

    assert_equal(
        variables(model.predictor), variables(stored_predictor.load(imported))
    )
    assert model.predictor.clip_grid == (4, 2, 2)
    assert "Carried over: the encoder, the predictor." in said
    config, method = resolved("--start_step=1", *flags, "--frames=8")
    planned = costs.step_sizes(config, method)
    assert planned.predictor == BlockSizes(1, 32, 40, 2)
    assert planned == StepSizes.of(model, (8, 16, 16), 32)


def test_a_predictor_that_was_imported_goes_on_with_every_run(
    imported, tmp_path, capsys
):
    before = layerlock.pretrain(
        **{**TINY, "steps": 4, "checkpoint_every": 2},
        objective="vjepa",
        init_from=imported,
        run_dir=tmp_path / "first",
        start_step=3,
        max_frozen_layers=1,
    )
    first, loss = before.path, before.metrics[-1]["loss"]
    shutil.rmtree(checkpoints.find(first / "checkpoints")[0])

    again = layerlock.pretrain(run_dir=first, resume=True)
    model, said = started(
        capsys, f"--init_from={first}", "--objective=vjepa", "--size=32"
    )

    assert again.metrics[-1]["loss"] == loss
    assert "its moving average, the predictor. New: the optimizer." in said
    assert model.predictor.num_mask_kinds == 4
    assert model.teacher.output_norm is not None


def test_a_predictor_for_fewer_kinds_of_masks_starts_anew(imported, capsys):
    five = ",".join(5 * ["(1,0.3)"])

    model, said = started(
        capsys,
        f"--init_from={imported}",
        "--objective=vjepa",
        f"--mask_args=blocks=({five})",
    )

    assert model.predictor.num_mask_kinds == 5
    assert "the predictor" in said.split("New: ")[1]
    assert "not used: it has 4 mask tokens, and the mask has 5 kinds." in said


def test_a_decoder_of_pixels_goes_on_if_the_objective_takes_it(
    imported, capsys
):
    flags = [f"--init_from={imported}", "--objective=mae", "--frames=8"]
    flags += ["--mask_args=ratio=0.5"]

    _, said = started(capsys, *flags)
    take = "--objective_args=predictor=transformer"
    model, now = started(capsys, *flags, take)

    assert "has another kind of predictor, `objective_args=predictor=" in said
    assert "Carried over: the encoder, the predictor." in now
    assert_equal(
        variables(model.predictor), variables(stored_predictor.load(imported))
    )
    assert model.encoder.num_decoder_layers == 0
    assert facts.num_freezable(resolved(*flags, take)[0]) == 2


def test_a_predictor_of_a_wider_teacher_names_its_width(tmp_path, imported):
    place = tmp_path / "distilled"
    VideoEncoder.from_preset(imported, name="encoder").save_to_preset(place)
    predictor = LatentPredictor(
        24, 384, 1, 2, 32, 40, num_mask_kinds=4, clip_grid=(2, 2, 2),
        latent_dim=48,
    )  # fmt: skip
    stored_predictor.save(predictor, place)
    config, method = resolved(
        "--start_step=1", f"--init_from={place}", "--objective=vjepa"
    )

    why = predictors.why_not(config, method.objective, method.mask)

    assert why == "it was built for features of width 48, and the run has 24"


def test_a_resume_says_nothing_of_the_start(folder, capsys):
    started(
        capsys,
        f"--init_from={folder / 'exported'}",
        "--objective=vjepa",
    )
    config, method = resolved(f"--init_from={folder / 'exported'}")
    config.run.__dict__.update(resume=True, run_dir=str(folder / "none"))

    building.build_model(config, method)

    assert capsys.readouterr().out == ""


def test_a_run_resumes_where_its_start_is_gone(folder, tmp_path):
    start = shutil.copytree(folder / "exported", tmp_path / "start")
    options = {**TINY, "steps": 3, "checkpoint_every": 1, "start_step": 2}
    whole = layerlock.pretrain(
        **options, init_from=start, run_dir=tmp_path / "run"
    )
    newest, *_ = checkpoints.find(tmp_path / "run" / "checkpoints")
    expected = checkpoints.read_arrays(newest)
    weights = [v.numpy() for v in whole.encoder.variables]
    shutil.rmtree(newest)
    shutil.rmtree(start)

    resume = {"run_dir": tmp_path / "run", "resume": True}
    with pytest.raises(ValueError, match="To resume a run whose start was mov"):
        layerlock.pretrain(**resume)
    again = layerlock.pretrain(**resume, init_from=tmp_path / "run")

    for ours, theirs in zip(again.encoder.variables, weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    newest, *_ = checkpoints.find(tmp_path / "run" / "checkpoints")
    found = checkpoints.read_arrays(newest)
    assert found.keys() == expected.keys()
