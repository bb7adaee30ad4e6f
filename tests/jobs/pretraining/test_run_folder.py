"""`resume=auto` goes on with a run if there is one."""

import json

import keras
import pytest

from layerlock.config import OptionError, PretrainConfig
from layerlock.jobs.pretraining import run_folder
from layerlock.runs.directory import RunDirectory


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
