"""`python -m layerlock.report RUN_DIR` writes a report again."""

import runpy
import sys

import pytest

from tests.runs import synthetic


def run_main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["report", *map(str, arguments)])
    runpy.run_module("layerlock.report", run_name="__main__")


def test_the_path_of_the_report_is_printed(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    run = synthetic.synthetic_run(tmp_path / "run", [])

    run_main(monkeypatch, run.path)

    assert capsys.readouterr().out == f"{run.report_path}\n"
    assert run.report_path.is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [([], "usage: "), (["a", "b"], "usage: "), (["/nowhere"], "error: ")],
)
def test_mistakes_end_with_one_sentence(monkeypatch, arguments, message):
    with pytest.raises(SystemExit, match=message):
        run_main(monkeypatch, *arguments)
