"""README and the site agree with the code."""

import doctest
import importlib.util
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
# Flags of absl, and of commands other than the recipes.
# Of any command, sbatch, mkdocs, torchrun, XLA.
OTHER_FLAGS = {
    "help",
    "signal",
    "strict",
    "nproc_per_node",
    "shutdown_timeout",
    "signals_to_handle",
    "xla_force_host_platform_device_count",
}
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
# Phrases that are hard to read in a second language.
BANNED = (
    r"\bthose that\b",
    r"\bthe ones? that\b",
    r"\bwhat \w+( \w+)? costs? that\b",
    r"\bneed(s)? not be\b",
    r"\bsays? (nothing|little|so)\b",
    r"\btells? (how|what|which|when|of)\b",
    r"\basks? (of|for|what|which)\b",
)


def _fences(page, language: str) -> str:
    """The code of a page in one language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return "\n".join(re.findall(pattern, page.read_text(), re.M | re.S))


WITH_EXAMPLES = [page for page in PAGES if _fences(page, "pycon")]


def _cells(notebook, kind: str) -> list[str]:
    cells = json.loads(notebook.read_text())["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == kind]


def _options() -> str:
    folders = ("recipes", "benchmarks", "layerlock", "tests/faults")
    files = (f for name in folders for f in (ROOT / name).rglob("*.py"))
    return "\n".join(file.read_text() for file in files)


def test_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(\s*([^)\s#]+)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_flags_exist():
    options = _options()
    for page in PAGES:
        for flag in set(re.findall(r"(?<![\w-])--(\w+)", page.read_text())):
            # A plug-in's arguments: --mask_args beside --mask.
            name = flag.removesuffix("_args")
            if flag.startswith("no"):  # turns an option off
                name = rf"(?:no)?{name[2:]}"
            pattern = rf"[\"']{name}[\"']|^    {name}:|--{flag}\b"
            known = flag in OTHER_FLAGS or re.search(pattern, options, re.M)
            assert known, f"{page.name}: --{flag}"


def _public(package: str) -> set:
    source = (ROOT / package / "__init__.py").read_text()
    return set(re.findall(r" as (\w+)", source))


def test_every_public_name_is_on_the_reference_page():
    from layerlock import commands

    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    listed = set(re.findall(r"^::: layerlock\.(?:\w+\.)*(\w+)$", page, re.M))
    public = _public("layerlock") | _public("layerlock/config")
    # Results of jobs: returned, and not made by users.
    results = {"PretrainedRun", "Judgement", "Plan", "JobError"}
    functions = {"read", "read_readout"}  # of released weights
    known = public | set(commands.NAMES) | results | functions
    assert known == listed


@pytest.mark.parametrize("name", sorted(_public("layerlock")))
def test_every_public_name_has_an_example_that_is_executed(name):
    import layerlock

    assert ">>> " in getattr(layerlock, name).__doc__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_plain(page):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    prose = re.sub(r"\s+", " ", prose)
    found = [m[0] for b in BANNED for m in re.finditer(b, prose, re.I)]
    assert not found


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_of_pages_run(page):
    example = doctest.DocTestParser().get_doctest(
        _fences(page, "pycon"), {}, page.name, str(page), 0
    )
    results = doctest.DocTestRunner(verbose=False).run(example)
    assert results.attempted and not results.failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_pages_compiles(page):
    compile(_fences(page, "python"), page.name, "exec")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.name)
def test_notebooks_have_no_outputs(notebook):
    for cell in json.loads(notebook.read_text())["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.name)
def test_links_of_notebooks_exist(notebook):
    text = "\n".join(_cells(notebook, "markdown"))
    for target in re.findall(r"\]\(\s*([^)\s#]+)", text):
        assert (notebook.parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "jax", reason="one backend is enough"
)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.name)
def test_cells_of_notebooks_run(notebook, tmp_path):
    for library in ("av", "jinja2", "matplotlib", "sklearn", "safetensors"):
        pytest.importorskip(library)
    script = tmp_path / "cells.py"
    script.write_text("\n\n".join(_cells(notebook, "code")))
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("XLA_FLAGS", None)  # slow programs, for tests of few steps
    subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, check=True
    )


class _SmallJobs:
    """Stands for `layerlock` in examples: jobs run with few, small clips."""

    def __getattr__(self, name):
        import layerlock

        return lambda **options: getattr(layerlock, name)(
            **{**options, **SMALL[name]}
        )


SCENES = {"num_train": 32, "num_validation": 16, "num_test": 16}
SHORT = {"steps": 4, "batch_size": 2, "frames": 8, "size": 32, "workers": 0}
SMALL = {
    "pretrain": SHORT,
    "probe": {"task_args": SCENES, "readout_args": {"steps": 4}},
    "finetune": {"task_args": SCENES, "steps": 4, "batch_size": 2},
    "prepare": {},
    "visualise": {},
    "convert": {},
    "savings": SHORT,
    "convergence": {
        **SHORT,
        "layers": (1,),
        "freeze_at": (2,),
        "log_every": 1,
    },
}


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "jax", reason="one backend is enough"
)
def test_examples_of_jobs_run(tmp_path, monkeypatch):
    for library in ("av", "jinja2", "matplotlib", "sklearn"):
        pytest.importorskip(library)
    import numpy as np

    from layerlock import commands
    from layerlock.data import encoding

    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    noise = np.random.default_rng(0).integers(
        0, 256, (16, 64, 64, 3), dtype="uint8"
    )
    for path in ("dog.mp4", "videos/1.mp4", "videos/2.mp4"):
        encoding.write_video(path, noise, fps=8)
    for name in commands.NAMES:
        text = commands.find(name).__doc__
        [code] = re.findall(r"```python\n(.*?)```", text, re.S)
        exec(inspect.cleandoc(code), {"layerlock": _SmallJobs()})


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("mkdocs"), reason="needs mkdocs"
)
def test_site_builds(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    subprocess.run([*command, "-d", str(tmp_path)], cwd=ROOT, check=True)


def test_the_page_of_options_is_current():
    from layerlock.cli import text

    page = ROOT / "docs" / "reference" / "options.md"

    assert page.read_text() == text.reference(), "python docs/options.py"
