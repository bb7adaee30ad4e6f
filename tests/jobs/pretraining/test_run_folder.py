"""`resume=auto` goes on with a run if there is one."""

import json
import shutil

import keras
import pytest

import layerlock
from layerlock.config import OptionError, PretrainConfig
from layerlock.jobs.pretraining import run_folder
from layerlock.runs.directory import RunDirectory
from tests.data import synthesise


@pytest.mark.parametrize("options", [{"resume": "auto"}, {"requeue": True}])
def test_a_folder_without_a_run_begins_one(options, tmp_path):
    config = PretrainConfig.of(run_dir=tmp_path / "new", steps=60, **options)

    recalled = run_folder.recall(config)

    assert recalled.run.resume is False
    assert recalled.training.steps == 60


@pytest.mark.parametrize("options", [{"resume": "auto"}, {"requeue": True}])
def test_a_folder_with_a_run_goes_on_with_its_options(options, tmp_path):
    began = PretrainConfig.of(steps=60).resolve()
    description = json.loads(json.dumps(run_folder.describe(began)))
    RunDirectory.create(tmp_path / "run", description)
    config = PretrainConfig.of(run_dir=tmp_path / "run", **options)

    recalled = run_folder.recall(config)

    assert recalled.run.resume is True
    assert recalled.training.steps == 60


def test_a_run_whose_options_begin_with_a_tilde_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "videos").mkdir()
    synthesise.write(tmp_path / "videos" / "a.mp4")
    options = {"steps": 60, "data": "~/videos", "size": 32}
    began = PretrainConfig.of(**options).resolve()
    description = json.loads(json.dumps(run_folder.describe(began)))
    description["flags"]["data"] = "~/videos"  # as older versions recorded it
    run = RunDirectory.create(tmp_path / "run", description)
    config = PretrainConfig.of(run_dir=run.path, resume=True)

    recalled = run_folder.recall(config).resolve()

    assert recalled.data.data == str(tmp_path / "videos")
    assert run_folder.choose_folder(recalled) == run.path


@pytest.fixture
def started(tmp_path):
    """Two encoders, and a run from the first one without a checkpoint."""
    first, other = tmp_path / "first", tmp_path / "other"
    layerlock.VideoEncoder.from_preset("video_vit_nano").save_to_preset(first)
    shutil.copytree(first, other)
    began = PretrainConfig.of(steps=60, init_from=first).resolve()
    description = json.loads(json.dumps(run_folder.describe(began)))
    return first, other, RunDirectory.create(tmp_path / "run", description)


def resume(run, init_from):
    config = PretrainConfig.of(
        run_dir=run.path, resume=True, init_from=init_from
    )
    return run_folder.choose_folder(run_folder.recall(config).resolve())


def test_a_run_without_a_checkpoint_keeps_its_first_weights(started):
    first, other, run = started

    assert resume(run, None) == resume(run, first) == run.path
    with pytest.raises(OptionError, match="no checkpoint yet.*Leave `init"):
        resume(run, other)
    (run.checkpoints_path / "step_00000010").mkdir(parents=True)
    assert resume(run, other) == run.path


def test_the_first_weights_of_a_run_may_be_in_a_new_place(started):
    first, _, run = started
    moved = first.rename(first.with_name("moved"))

    assert resume(run, moved) == run.path


def test_the_processes_of_a_start_are_no_part_of_the_run(tmp_path):
    began = PretrainConfig.of(
        distribution="fsdp",
        coordinator="h:1",
        num_processes=2,
        process_id=0,
    )
    # What config.json records does not need two processes.
    RunDirectory.create(
        tmp_path / "run",
        {"flags": began.recorded, "backend": keras.backend.backend()},
    )
    config = PretrainConfig.of(
        run_dir=tmp_path / "run", resume=True, distribution="none"
    )

    recalled = run_folder.recall(config)

    assert recalled.devices.coordinator is None
    assert recalled.devices.num_processes is None


@pytest.mark.parametrize(
    "given, mesh",
    [
        ({}, (4, 2)),
        ({"distribution": "fsdp"}, (4, 2)),
        ({"distribution": "none"}, None),
        ({"distribution": "data"}, None),
        ({"distribution": "data", "mesh": (2,)}, (2,)),
        ({"mesh": ()}, ()),
    ],
)
def test_another_distribution_leaves_the_mesh_of_the_start(
    given, mesh, tmp_path
):
    began = PretrainConfig.of(distribution="fsdp", mesh=(4, 2)).resolve()
    RunDirectory.create(
        tmp_path / "run",
        {"flags": began.recorded, "backend": keras.backend.backend()},
    )
    config = PretrainConfig.of(run_dir=tmp_path / "run", resume=True, **given)

    assert run_folder.recall(config).resolve().devices.mesh == mesh


def test_auto_without_a_folder_is_refused():
    with pytest.raises(OptionError, match="needs the `run_dir`"):
        run_folder.recall(PretrainConfig.of(resume="auto"))


@pytest.mark.parametrize("remat, policy", [(True, "blocks"), (False, "none")])
@pytest.mark.parametrize("given", [{}, {"remat": True}, {"remat": "blocks"}])
def test_a_run_whose_remat_is_a_flag_goes_on(remat, policy, given, tmp_path):
    began = PretrainConfig.of(steps=60, remat=remat).resolve()
    description = json.loads(json.dumps(run_folder.describe(began)))
    description["flags"]["remat"] = remat
    run = RunDirectory.create(tmp_path / "run", description)
    config = PretrainConfig.of(run_dir=run.path, resume=True, **given)
    if given and not remat:
        with pytest.raises(ValueError, match="remat: 'none' -> 'blocks'"):
            run_folder.recall(config)
        return

    recalled = run_folder.recall(config).resolve()

    assert recalled.encoder.remat == policy
    assert run_folder.choose_folder(recalled) == run.path
