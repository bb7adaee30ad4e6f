"""The modules of `benchmarks/`, and a study of which no run was trained."""

import pathlib

import pytest


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    """Lets tests import the modules, as scripts beside them do."""
    folder = pathlib.Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def study(benchmarks, tmp_path):
    """A study of scenes."""
    from study import Study
    from study_scenes import Scenes

    return Study(
        tmp_path / "study",
        Scenes(8, 32),
        "video_vit_nano",
        16,
        "",
        (25, 50, 100, 200),
        2,
        "selection",
    )
