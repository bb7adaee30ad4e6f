"""Help, overview and reference show what there is."""

import pytest

from layerlock import commands
from layerlock.cli import text


@pytest.mark.parametrize("name", commands.NAMES)
def test_help_names_every_option_once(name):
    page = text.help_page(commands.find(name))

    for option in commands.find(name).config_class.options().values():
        assert page.count(f"  --{option.flag} (") == 1, option.name


def test_help_states_range_default_and_what_a_resume_may_change():
    page = " ".join(text.help_page(commands.find("pretrain")).split())

    assert "Highest learning rate of AdamW. Range: above 0." in page
    assert "Default: 4 / width ** 1.5, times" in page
    assert "Newest checkpoints that are kept. Range: at least 1." in page
    assert "A resumed run may change it. --track" in page


def test_help_names_the_arguments_of_every_plugin():
    page = " ".join(text.help_page(commands.find("pretrain")).split())

    assert "random: ratio=0.95." in page
    assert "never: no arguments." in page


def test_the_overview_has_a_line_for_every_job():
    lines = [line.split() for line in text.overview().splitlines()]
    names = [line[0] for line in lines if line and line[0] in commands.NAMES]

    assert names == list(commands.NAMES)


def test_the_reference_has_a_row_for_every_option():
    page = text.reference()

    for name in commands.NAMES:
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for option in commands.find(name).config_class.options():
            assert section.count(f"| `{option}` |") == 1, (name, option)
