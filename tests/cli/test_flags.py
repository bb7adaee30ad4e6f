"""Flags that change the configuration of a recipe."""

import absl.flags
import pytest

from layerlock import commands
from layerlock.cli.flags import dashed, parse
from layerlock.config import ConvertConfig, OptionError, PretrainConfig

RECIPE = PretrainConfig.of(
    preset="video_vit_large",
    positions="sincos",
    patch_size=(2, 16, 16),
    objective="vjepa",
    teacher="ema",
    momentum=(0.998, 1.0),
    schedule="linear",
    schedule_args={"layers_per_event": 2},
    start_step=100,
    interval=10,
)


def changed(*flags):
    before, after = RECIPE.given, parse(PretrainConfig, list(flags), RECIPE)
    left_out = before.keys() - after.given.keys()
    return left_out, {
        name: value
        for name, value in after.given.items()
        if value != before.get(name)
    }


def test_a_flag_changes_one_option():
    assert changed("--steps=60") == (set(), {"steps": 60})


def test_another_schedule_leaves_out_the_arguments_of_the_former_one():
    left_out, new = changed("--schedule=never")

    assert left_out == {"schedule_args", "start_step", "interval"}
    assert new == {"schedule": "never"}


def test_another_objective_leaves_the_schedule_as_it_is():
    left_out, new = changed("--objective=mae")

    assert left_out == {"teacher", "momentum"}
    assert new == {"objective": "mae"}


def test_arguments_given_with_another_plugin_are_its_own():
    left_out, new = changed(
        "--schedule=piecewise", "--schedule_args=events=[(5,1)]"
    )

    assert left_out == {"start_step", "interval"}
    assert new == {
        "schedule": "piecewise",
        "schedule_args": "events=[(5,1)]",
    }


@pytest.mark.parametrize("flag", ["--schedule=linear", "--start_step=200"])
def test_the_same_plugin_keeps_its_arguments(flag):
    left_out, _ = changed(flag)
    assert not left_out


def test_an_exported_encoder_brings_its_size():
    left_out, _ = changed("--init_from=runs/mine")
    assert left_out == {"preset", "positions", "patch_size"}


def test_a_word_of_python_is_a_flag():
    config = parse(ConvertConfig, ["--from=runs/a", "--out=b"])

    assert config.given == {"from_": "runs/a", "out": "b"}
    assert config.arguments() == ["--from=runs/a", "--out=b"]
    job = commands.find("convert")
    assert dashed("`from_=a` or `from_`", job) == "--from=a or --from"


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--resume", True), ("--noresume", False), ("--resume=auto", "auto")],
)
def test_resume_is_true_false_or_auto(flag, value):
    assert parse(PretrainConfig, [flag]).given == {"resume": value}
    option = PretrainConfig.options()["resume"]
    assert option.to_text(value) == flag


def test_resume_is_no_other_word():
    with pytest.raises(absl.flags.Error, match="later"):
        parse(PretrainConfig, ["--resume=later"])
    with pytest.raises(OptionError, match="true, false or auto"):
        PretrainConfig.of(resume="later")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--remat", "blocks"),
        ("--remat=true", "blocks"),
        ("--noremat", "none"),
        ("--remat=attention", "attention"),
        ("--remat=every_2", "every_2"),
    ],
)
def test_remat_is_a_policy_and_was_a_flag(flag, value):
    assert parse(PretrainConfig, [flag]).given == {"remat": value}


def test_remat_is_no_other_policy():
    with pytest.raises(absl.flags.Error, match="some"):
        parse(PretrainConfig, ["--remat=some"])
    with pytest.raises(OptionError, match="Unknown `remat`: 'some'"):
        PretrainConfig.of(remat="some")
