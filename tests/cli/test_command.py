"""The command finds a job, runs it, and ends mistakes with a sentence."""

import dataclasses
import io
import os
import sys

import pytest

import layerlock
from layerlock import cli, commands
from layerlock.cli import command
from layerlock.config import OptionError


def ended(*arguments):
    with pytest.raises(SystemExit) as error:
        cli.main(["layerlock", *arguments])
    return error.value.code


def test_without_a_job_all_jobs_are_listed(capsys):
    cli.main(["layerlock"])

    page = capsys.readouterr().out
    assert all(name in page for name in commands.NAMES)


def test_the_version_is_that_of_the_package(capsys):
    cli.main(["layerlock", "--version"])

    assert capsys.readouterr().out == f"{layerlock.__version__}\n"


def test_an_unknown_job_is_refused_with_the_jobs_there_are():
    assert ended("train").startswith("layerlock: unknown job 'train'")
    assert "'pretrain'" in ended("train")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--stepz=3", "Unknown command line flag 'stepz'"),
        ("--steps=0", "pretrain: --steps must be at least 1 and"),
        ("--schedule=never --interval=5", "--interval is not an argument of"),
    ],
)
def test_mistakes_end_with_a_sentence_that_names_the_flag(flag, message):
    assert message in ended("pretrain", *flag.split())


def test_an_option_that_is_refused_late_ends_with_a_sentence_too():
    def work():
        raise OptionError("Another job writes there. Pass another `out`.")

    probe = commands.find("probe")
    job = dataclasses.replace(probe, start=lambda config: work)

    with pytest.raises(SystemExit) as error:
        command.run(job, ["--encoder=random:video_vit_nano"])

    assert error.value.code == (
        "probe: Another job writes there. Pass another --out."
    )


@pytest.mark.parametrize("name", commands.NAMES)
def test_every_command_is_a_function_of_the_package(name):
    assert getattr(layerlock, name) is commands.find(name)
    assert commands.find(name).name == name
    assert name in dir(layerlock)


def test_names_that_are_not_utf_8_can_be_printed(monkeypatch):
    content = io.BytesIO()
    stdout = io.TextIOWrapper(content, "utf-8", errors="strict")
    monkeypatch.setattr(sys, "stdout", stdout)

    command.run("pretrain", ["--help"])
    print(os.fsdecode(b"\xff.mp4"), flush=True)

    assert content.getvalue().endswith(b"\\udcff.mp4\n")
