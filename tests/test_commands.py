"""The jobs and the studies, by name."""

import pytest

import layerlock
from layerlock import commands
from layerlock.jobs.job import Job


@pytest.mark.parametrize("name", commands.NAMES)
def test_a_command_is_the_public_function_of_the_same_name(name):
    job = commands.find(name)

    assert isinstance(job, Job)
    assert job.name == name
    assert getattr(layerlock, name) is job


def test_an_unknown_name_is_no_command():
    with pytest.raises(KeyError):
        commands.find("nothing")
