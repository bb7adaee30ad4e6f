"""A configuration is resolved section by section, and read only then."""

import json
import pickle

import pytest

from layerlock import commands, config as configurations
from layerlock.config import (
    OptionError,
    PretrainConfig,
    UnresolvedError,
)
from layerlock.config.configuration import keywords
from layerlock.config.section import Section, section
from layerlock.core.pretraining.masks import RandomMask


def test_a_default_that_is_derived_cannot_be_read_before():
    config = PretrainConfig.of()

    with pytest.raises(UnresolvedError, match="`size` of DataConfig"):
        config.data.size  # noqa: B018
    assert config.resolve().data.size == 32


def test_a_rule_sees_no_section_that_comes_later():
    def rule(config):
        """the second number"""
        return config.second.number

    @section
    class First(Section):
        number: int = configurations.option(rule=rule, help="A number.")

    @section
    class Second(Section):
        number: int = configurations.option(rule=lambda config: 1, help="One.")

    class Both(configurations.JobConfig):
        pass

    Both.sections = classmethod(lambda cls: {"first": First, "second": Second})
    both = Both()
    both.first, both.second = First(), Second()

    with pytest.raises(
        UnresolvedError, match="`second` of Both is resolved later"
    ):
        both.resolve()


def test_resolving_leaves_nothing_open_and_the_original_as_it_was():
    config = PretrainConfig.of(steps=60)

    resolved = config.resolve()

    assert type(resolved) is PretrainConfig
    assert resolved.values.keys() == PretrainConfig.options().keys()
    assert resolved.is_resolved and not config.is_resolved
    assert config.given == resolved.given == {"steps": 60}
    assert resolved.resolve() is resolved


def test_what_was_derived_is_derived_again_after_a_change():
    resolved = PretrainConfig.of(steps=60).resolve()

    again = resolved.but(steps=1000).resolve()

    assert again.training.warmup_steps == 50
    assert resolved.without("steps").given == {}


def test_a_plug_in_that_is_replaced_takes_its_arguments_along():
    config = PretrainConfig.of(
        schedule="linear", start_step=60, mask_args="ratio=0.5", preset=None
    )

    assert config.but(schedule="never").given == {
        "schedule": "never",
        "mask_args": "ratio=0.5",
    }
    with_preset = PretrainConfig.of(preset="video_vit_tiny")
    assert with_preset.but(init_from="a").given == {"init_from": "a"}


def test_an_option_in_two_sections_is_refused():
    class Twice(configurations.JobConfig):
        pass

    sections = {"a": PretrainConfig.sections()["run"]}
    Twice.sections = classmethod(lambda cls: {**sections, "b": sections["a"]})

    with pytest.raises(TypeError, match="an option in two sections"):
        Twice.options()


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match="Unknown option: `stepz`.*'steps'"):
        PretrainConfig.of(stepz=1)


def test_a_missing_option_is_named():
    with pytest.raises(OptionError, match="`encoder` is missing. A run"):
        configurations.ProbeConfig.of().resolve()


def test_configurations_are_compared_by_their_values_and_can_be_sent():
    config = PretrainConfig.of(steps=60, mask_ratio=0.5)

    assert config == PretrainConfig.of(mask_ratio=0.5, steps=60)
    assert config != PretrainConfig.of(steps=60)
    assert pickle.loads(pickle.dumps(config)) == config
    assert pickle.loads(pickle.dumps(config.resolve())) == config.resolve()


def test_a_plug_in_may_be_an_instance():
    mask = RandomMask(0.5)

    config = PretrainConfig.of(mask=mask).resolve()

    assert config.method.mask is mask
    assert config.method.mask_ratio is None
    assert config.recorded["mask"]["config"] == {"ratio": 0.5}


@pytest.mark.parametrize(
    "options", [{"mask_ratio": 0.5}, {"mask_args": "ratio=0.5"}]
)
def test_an_instance_takes_no_arguments_from_options(options):
    from layerlock.config import components

    config = PretrainConfig.of(mask=RandomMask(0.5), **options)

    with pytest.raises(OptionError, match="as an instance. Pass"):
        components.build(config.resolve(), "mask")


@pytest.mark.parametrize("name", commands.NAMES)
def test_the_function_of_a_job_has_all_options_as_keywords(name):
    job = commands.find(name)

    names = list(keywords(job.config_class).parameters)

    assert names == ["config", *job.config_class.options()]
    assert job.__signature__ == keywords(job.config_class)


@pytest.mark.parametrize("name", commands.NAMES)
def test_every_option_has_help_and_a_default_in_words(name):
    for option in commands.find(name).config_class.options().values():
        assert option.help.endswith("."), option.name
        assert option.default_text, option.name


def test_choices_of_the_configuration_are_those_of_the_method():
    from layerlock.config import facts, method
    from layerlock.core.pretraining import target_pass
    from layerlock.core.pretraining.objectives import base

    # `fixed` is not a choice: a folder is given instead.
    assert (*facts.TEACHERS, "fixed") == base.TEACHERS
    assert method.CONTEXTS == target_pass.CONTEXTS


def test_lists_in_arguments_are_recorded_as_they_are():
    config = PretrainConfig.of(
        schedule="piecewise", schedule_args={"events": [(2, 1), (4, 2)]}
    )

    recorded = json.loads(json.dumps(config.resolve().recorded))

    assert recorded["schedule_args"] == {"events": [[2, 1], [4, 2]]}
    again = PretrainConfig.of(**recorded).resolve()
    assert json.loads(json.dumps(again.recorded)) == recorded
