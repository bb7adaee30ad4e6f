"""A job is a function of its options, checked before anything is computed."""

import json

import pytest

import layerlock
from layerlock import commands
from layerlock.config import OptionError, PretrainConfig, ProbeConfig
from layerlock.jobs.job import Plan
from tests.models import networks
from tests.recipes import running


def test_options_and_a_configuration_ask_for_the_same():
    config = PretrainConfig.of(steps=60)

    by_name = layerlock.pretrain(steps=60, plan=True)
    by_config = layerlock.pretrain(config, plan=True)

    assert by_name.config == by_config.config
    assert by_name.facts == by_config.facts


def test_options_change_a_configuration():
    plan = layerlock.pretrain(PretrainConfig.of(steps=60), steps=90, plan=True)

    assert plan.config.training.steps == 90


@pytest.mark.parametrize("config", ["runs/a", ProbeConfig.of()])
def test_another_configuration_is_refused(config):
    with pytest.raises(TypeError, match="pretrain takes a PretrainConfig"):
        layerlock.pretrain(config, steps=3)


def test_a_plan_lists_every_option_with_its_value(capsys):
    plan = layerlock.pretrain(steps=60, mask_args={"ratio": 0.5}, plan=True)

    lines = {
        words[0]: words[1:]
        for words in map(str.split, str(plan).splitlines())
        if words
    }
    assert PretrainConfig.options().keys() <= lines.keys()
    assert lines["steps"] == ["60"]
    assert lines["warmup_steps"] == ["3", "(default)"]
    assert lines["positions"] == ["not", "set", "(default)"]
    assert capsys.readouterr().out == f"{plan}\n"


def test_only_the_command_line_prints_numbers_for_programs(capsys):
    plan = running.call("pretrain", "--plan")

    last = capsys.readouterr().out.splitlines()[-1]
    assert isinstance(plan, Plan) and json.loads(last) == plan.facts


@pytest.mark.parametrize("name", commands.NAMES)
def test_a_plan_writes_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nano = "--encoder=random:video_vit_nano"
    flags = {
        "probe": [nano],
        "finetune": [nano],
        "convergence": ["--run_dir=runs/x"],
    }
    if name in ("prepare", "visualise"):
        pytest.importorskip("av")
        from tests.data import synthesise

        synthesise.write(tmp_path / "a.mp4", count=8)
        flags["prepare"] = ["--data=a.mp4", "--out=copies"]
        flags["visualise"] = [
            "--encoder=random:video_vit_nano",
            "--video=a.mp4",
        ]
    if name == "convert":
        networks.small_encoder().save_to_preset(tmp_path / "encoder")
        flags["convert"] = ["--from=encoder", "--to=safetensors", "--out=a"]
    before = sorted(tmp_path.rglob("*"))

    plan = running.call(name, "--plan", *flags.get(name, []))

    assert plan.facts["name"] == f"{name} plan"
    assert sorted(tmp_path.rglob("*")) == before


def test_the_process_that_reads_clips_runs_no_job(monkeypatch):
    import multiprocessing

    process = multiprocessing.current_process()
    monkeypatch.setattr(process, "_inheriting", True, raising=False)

    with pytest.raises(RuntimeError, match="if __name__ =="):
        layerlock.pretrain(steps=3, workers=1)


def test_a_resumed_plan_is_that_of_the_run(tmp_path):
    with pytest.raises(OptionError, match="`resume` needs the `run_dir`"):
        layerlock.pretrain(plan=True, resume=True)
